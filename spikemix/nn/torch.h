#pragma once

// What nn/ and train/ use of LibTorch, and no more: <torch/torch.h> brings every module, data set and optimiser of it,
// which each file then takes a third longer to compile.
#include <torch/autograd.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>
#include <torch/utils.h>
