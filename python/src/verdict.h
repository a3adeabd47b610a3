// The oracle's answers as dictionaries, from which attnlab/_verdict.py and attnlab/_battery.py make objects.
#pragma once

#include <nanobind/nanobind.h>

#include "oracle/battery.h"
#include "oracle/verdict.h"

namespace attnlab::python {

nanobind::dict dict_of(const oracle::Verdict& verdict);
nanobind::dict dict_of(const oracle::BatteryReport& report);

}  // namespace attnlab::python
