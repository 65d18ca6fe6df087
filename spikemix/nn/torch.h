// SPDX-License-Identifier: MIT
#pragma once

// The parts of LibTorch that nn/ and train/ use, and no more: <torch/torch.h> includes every module, data set and
// optimiser, and makes each file take a third longer to compile.
#include <torch/autograd.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>
#include <torch/utils.h>
