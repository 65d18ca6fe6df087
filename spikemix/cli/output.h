#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace spikemix {

/// What the commands write to the files that their flags name. Each kind can be told from all other files.
enum class OutputKind { kPage, kPlot, kPicture, kTable, kAnswers, kIntegerModel, kImportedModel, kRecording };

/// A file that somebody has named for a command to write.
struct OutputFile {
  std::string flag;  ///< as errors name it: "--csv"
  std::string file;  ///< empty: the flag was not given
  OutputKind kind;
  std::string heading = {};  ///< of a table: its first line
};

/// Before the work begins: may these files be written? An output replaces only an earlier one of its own kind, never
/// what the command reads (under whatever name: by another path, a link, the file beside it that it is first written
/// to), and its folder can be written to. Nothing is left behind.
/// @param inputs  files and folders as they stand on the command line; "", "-" and what is not there name no file
/// @throws InputError in one line: the flag, the file, and why not
void check_outputs(const std::vector<OutputFile>& outputs, const std::vector<std::string>& inputs);

/// The same of a folder for recordings, train/CLASS/000000.aedat: new, or with nothing else in it, and neither inside
/// the data set that is read nor around it. @throws InputError
void check_output_folder(const std::string& flag, const std::string& folder, const std::string& input);

/// Of a run or a sweep: its folder is not the data set, and does not hold the other one's record.
/// @param other  the record: "sweep.json" where a run goes, "config.json" where a sweep goes
/// @throws InputError
void check_run_folder(const std::string& folder, const std::string& data, const char* other);

}  // namespace spikemix
