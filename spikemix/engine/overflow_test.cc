// SPDX-License-Identifier: MIT
#include <algorithm>
#include <tuple>

#include "spikemix/engine/export.h"
#include "spikemix/engine/packed_network.h"
#include "spikemix/engine/reference_test.h"
#include "spikemix/engine/session.h"
#include "spikemix/engine/tiny_model_test.h"

// Sums of integers at their limits: counts as large as the residual stream allows, weights as large as their integers
// allow, nearly all neurons firing. A sum that overflowed 16 bits would change its sign, and with it the layer's
// spikes.
namespace spikemix {
namespace {

class OverflowTest : public EngineTest {
 protected:
  static ModelCard deep_card(const std::string& stream, const std::string& mixer) {
    ModelCard card = tiny_card(mixer);
    card.model.stream = stream, card.model.depth = 100, card.model.embed_dim = 32;
    return card;
  }

  // Weights of one sign for each output (for q, k and v alternating signs), all of one size or one of them larger;
  // norms that let nearly all neurons fire, so that counts grow as far as they can.
  static void push(const ModelCard& card, double odd, Tensors& tensors) {
    for (const TensorSpec& spec : tensors_of(make_plan(card.model, card.neuron))) {
      if (spec.kind == TensorSpec::Kind::kCounter || spec.layer == "head") continue;
      std::vector<float> v(size_t(spec.values()), 0.5f);
      const bool mixes = spec.layer.ends_with(".q") || spec.layer.ends_with(".k") || spec.layer.ends_with(".v");
      const size_t row = v.size() / size_t(std::max<int64_t>(1, spec.shape.empty() ? 1 : spec.shape[0]));
      for (size_t i = 0; i < v.size() && spec.kind == TensorSpec::Kind::kWeight; ++i) {
        if (i % row == 3) v[i] *= float(odd);
        if (mixes && i / row % 2 == 1) v[i] = -v[i];
      }
      if (spec.kind == TensorSpec::Kind::kRunningVar || spec.kind == TensorSpec::Kind::kNormWeight)
        std::fill(v.begin(), v.end(), 1.0f);
      if (spec.kind == TensorSpec::Kind::kRunningMean) std::fill(v.begin(), v.end(), 0.0f);
      tensors[spec.name] = {DType::F32, bytes_of(v)};
    }
  }
};

TEST_F(OverflowTest, NoSumOverflowsAtDepth100) {
  const std::tuple<const char*, const char*, double> networks[] = {
      {"spike", "ssa", 1},   {"spike", "ssa", 4},    {"spike", "ssa", -1},     {"spike", "qk-channel", 4},
      {"iand", "ssa", 1},    {"membrane", "ssa", 1}, {"membrane", "dwc3", -1}, {"spike", "fatm", 4},
      {"spike", "fatm", -1}, {"membrane", "fatm", 1}};
  for (const auto& [stream, mixer, odd] : networks) {
    SCOPED_TRACE(testing::Message() << stream << " " << mixer << " " << odd);
    const ModelCard card = deep_card(stream, mixer);
    const fs::path trained = write_model("m", card, DType::F32, [&](Tensors& t) { push(card, odd, t); });
    export_model(trained, dir_ / "int8", Precision::kInt8);
    const Plan plan = make_plan(card.model, card.neuron);
    Reference reference(plan, SafeTensors::open(dir_ / "int8"));
    Session session(load_network(dir_ / "int8", Precision::kFp32));
    const std::vector<float> x(size_t(session.input_size()), 3.0f);
    const Agreement a = compare(session, reference, x.data());
    EXPECT_EQ(a.flips, 0) << "of " << a.values;
    EXPECT_LT(a.worst, 1e-5);
    EXPECT_TRUE(stream != std::string("spike") || a.fired > a.values / 2) << "counts must grow";
    if (HasFailure()) return;
  }
}

// A file whose integers the proof does not cover: 127 everywhere. It runs with sums of 32 bits, which are correct.
TEST_F(OverflowTest, WeightsOutsideTheProofRunIn32Bits) {
  const ModelCard card = deep_card("spike", "ssa");
  const fs::path file = write_model("m", card, DType::F32, [&](Tensors& tensors) {
    push(card, 1, tensors);
    for (const TensorSpec& spec : tensors_of(make_plan(card.model, card.neuron))) {
      if (!spec.integers) continue;
      std::vector<int8_t> v(size_t(spec.values()), 127);
      const size_t row = v.size() / size_t(spec.shape[0]);
      for (size_t i = 0; i < v.size(); ++i) {
        if (i / row % 2 == 1 && spec.layer.ends_with(".q")) v[i] = -127;
      }
      tensors[spec.name] = {DType::I8, bytes_of(v)};
      tensors[unit_name(spec.name)] = {DType::F32, bytes_of(std::vector<float>(size_t(spec.shape[0]), 0.01f))};
    }
  });
  const auto network = load_network(file, Precision::kFp32);
  int64_t wide = 0, narrow = 0;
  for (const NetworkLayer& layer : network->packed->layers) {
    for (const PackedPart& part : layer.parts) {
      wide += part.weights.type == WeightType::kU16, narrow += part.weights.type == WeightType::kU8;
    }
  }
  EXPECT_GT(wide, 100);
  EXPECT_GT(narrow, 100);  // 32 spikes of 127 fit
  Session session(network);
  Reference reference(make_plan(card.model, card.neuron), SafeTensors::open(file));
  const std::vector<float> x(size_t(session.input_size()), 3.0f);
  const Agreement a = compare(session, reference, x.data());
  EXPECT_EQ(a.flips, 0) << "of " << a.values;
  EXPECT_GT(a.fired, a.values / 2);
}

}  // namespace
}  // namespace spikemix
