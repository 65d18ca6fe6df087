// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace spikemix {

/// The files that commands write where their flags say. Each kind can be told from all other files.
enum class OutputKind { kPage, kPlot, kPicture, kTable, kAnswers, kIntegerModel, kImportedModel, kRecording };

/// A file that the user has named for a command to write.
struct OutputFile {
  std::string flag;  ///< as errors name it: "--csv"
  std::string file;  ///< empty: the flag was not given
  OutputKind kind;
  std::string heading = {};  ///< of a table: its first line
};

/// Call it before the work begins: may these files be written? An output replaces only an earlier one of its own kind,
/// and never what the command reads (under whatever name: by another path, through a link, or the file next to it that
/// is written first). Its folder must be writable. Nothing is left behind.
/// @param inputs  files and folders as given on the command line; "", "-" and missing ones are ignored
/// @throws InputError in one line: the flag, the file, and why not
void check_outputs(const std::vector<OutputFile>& outputs, const std::vector<std::string>& inputs);

/// In a folder of simulated recordings, so that a later simulation may replace them.
inline constexpr const char* kSimulationMark = ".spikemix-simulation";

/// The same of a folder for recordings, train/CLASS/000000.aedat: new, or with kSimulationMark and nothing else but
/// what an earlier simulation wrote, inside of no run, and neither inside the data set that is read nor around it.
/// @returns the files of the earlier simulation, which the new one replaces
/// @throws InputError
std::vector<std::filesystem::path> check_output_folder(const std::string& flag, const std::string& folder,
                                                       const std::string& input);

/// Of a run or a sweep: its folder is not the data set, lies in no other run, and does not hold the other one's record.
/// @param other  the record: "sweep.json" where a run goes, "config.json" where a sweep goes
/// @throws InputError
void check_run_folder(const std::string& folder, const std::string& data, const char* other);

}  // namespace spikemix
