// SPDX-License-Identifier: MIT
#include "spikemix/cli/train/few_steps.h"

#include <algorithm>

#include "spikemix/base/clock.h"
#include "spikemix/base/file.h"
#include "spikemix/cli/builtin_model.h"
#include "spikemix/train/trainer.h"

namespace spikemix {

TimedSteps train_few_steps(Config config, int64_t warm_up, int64_t steps, const std::function<void()>& on_warm) {
  config.train.one_step_epochs = 0;
  const TemporaryFolder folder;
  Clock::time_point begin;
  int64_t done = 0;
  TimedSteps result;
  const TrainListener listener{.on_step =
                                   [&](const Progress&) {
                                     if (++done == warm_up) {
                                       if (on_warm) on_warm();
                                       begin = Clock::now();
                                     }
                                     result.seconds = seconds_since(begin);
                                   },
                               .on_epoch = {},
                               .should_stop = [&] { return done >= warm_up + steps; }};
  train(config, folder.path() / "run", listener, {}, builtin_bytes());
  result.warm_up = std::min(done, warm_up), result.timed = done - result.warm_up;
  return result;
}

}  // namespace spikemix
