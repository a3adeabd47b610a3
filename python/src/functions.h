// The functions of the extension module; each file of this folder adds its own.
#pragma once

#include <nanobind/nanobind.h>

namespace attnlab::python {

void add_golden(nanobind::module_& module);
void add_check(nanobind::module_& module);
void add_battery(nanobind::module_& module);
void add_io(nanobind::module_& module);
void add_run(nanobind::module_& module);
void add_sizes(nanobind::module_& module);
void add_cache(nanobind::module_& module);

}  // namespace attnlab::python
