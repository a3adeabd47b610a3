// What a refused operation says.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "reference/core/errors.h"

// The message of the Error that action() throws; a failed expectation if it throws none.
template <class Error, class Action>
std::string refusal(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return {};
}

#define EXPECT_REFUSED(Error, action, words) \
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, words, refusal<Error>([&] { action; }))
