// The texts of all softmax algorithms.
#pragma once

#include "reference/core/enumerators.h"
#include "reference/softmax/naive.h"
#include "reference/softmax/online.h"
#include "reference/softmax/safe.h"
