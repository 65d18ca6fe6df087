// SPDX-License-Identifier: MIT
#include "spikemix/engine/export.h"

#include "spikemix/engine/calibrate.h"
#include "spikemix/engine/session.h"
#include "spikemix/engine/tiny_model_test.h"

namespace spikemix {
namespace {

class ExportTest : public EngineTest {
 protected:
  static std::vector<float> logits(const fs::path& file, Precision precision) {
    Session session(load_network(file, precision));
    const std::vector<float> x = inputs(3, session.input_size());
    std::vector<float> y(9);
    session.infer(3, x.data(), y.data());
    return y;
  }
};

TEST_F(ExportTest, GivesTheBitsOfTheTrainedModel) {
  for (const char* mixer : {"fft2d", "ssa", "dwt-c"}) {
    const fs::path trained = write_model("trained", tiny_card(mixer));
    for (const Precision precision : {Precision::kInt8, Precision::kInt16}) {
      const fs::path file = dir_ / "exported";
      export_model(trained, file, precision);
      EXPECT_EQ(load_network(file, Precision::kFp32)->precision, precision);
      EXPECT_EQ(logits(file, Precision::kFp32), logits(trained, precision)) << mixer << " " << name_of(precision);
      EXPECT_EQ(load_network(file, Precision::kFp32)->card.classes, tiny_card().classes);
      expect_input_error([&] { export_model(file, dir_ / "again", precision); }, "its weights are integers already");
      EXPECT_FALSE(fs::exists(dir_ / "again"));
    }
  }
}

TEST_F(ExportTest, WideLayersChangeFewerSpikes) {
  for (const char* mixer : {"fft2d", "ssa"}) {
    const fs::path trained = write_model("trained", tiny_card(mixer)), file = dir_ / "exported";
    const auto exact = load_network(trained, Precision::kFp32);
    const std::vector<float> x = inputs(8, Session(exact).input_size());
    const std::vector<LayerChange> before =
        measure_changes(exact, load_network(trained, Precision::kInt8), 8, x.data());
    // The stem's three convolutions on spikes, the relative position, and each block's maps.
    EXPECT_EQ(before.size(), 4u + 2 * (mixer == std::string("ssa") ? 6 : 2));
    EXPECT_TRUE(wide_layers(before, 1e9).empty());

    std::set<std::string> all;
    for (const LayerChange& change : before) all.insert(change.layer);
    export_model(trained, file, Precision::kInt8, all);
    const std::vector<LayerChange> after = measure_changes(exact, load_network(file, Precision::kFp32), 8, x.data());
    int64_t changed_before = 0, changed_after = 0;
    for (size_t i = 0; i < before.size(); ++i) {
      EXPECT_EQ(after[i].layer, before[i].layer);
      EXPECT_EQ(after[i].spikes, before[i].spikes);
      changed_before += before[i].changed, changed_after += after[i].changed;
    }
    EXPECT_GT(changed_before, 0);
    EXPECT_LT(changed_after, changed_before);
  }
}

TEST_F(ExportTest, RefusesModelsThatTheEngineCannotRun) {
  const fs::path wide = write_config("wide", [](nlohmann::json& json) { json["model"]["mlp_ratio"] = 16; });
  expect_input_error([&] { export_model(wide, dir_ / "out", Precision::kInt8); },
                     "wide: its model.mlp_ratio = 16: expected 1 to 15");
  expect_input_error([&] { export_model(dir_ / "nowhere", dir_ / "out", Precision::kInt8); }, "no such file");
}

}  // namespace
}  // namespace spikemix
