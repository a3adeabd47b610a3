// attnlab._core: what the Python package is made of. The package's own functions give these their arguments;
// users call those.
#include <nanobind/nanobind.h>

#include <exception>
#include <filesystem>

#include "python/src/functions.h"
#include "reference/core/errors.h"
#include "reference/core/version.h"

namespace nb = nanobind;

NB_MODULE(_core, module) {
  // InvalidArgument is a std::invalid_argument, which becomes ValueError as it is.
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const attnlab::FileError& error) {
      std::error_code unreadable;
      const bool exists = std::filesystem::exists(error.path(), unreadable);
      PyErr_SetString(exists ? PyExc_OSError : PyExc_FileNotFoundError, error.what());
    }
  });
  module.attr("version") = nb::str(attnlab::version().data(), attnlab::version().size());
  attnlab::python::add_golden(module);
  attnlab::python::add_check(module);
  attnlab::python::add_battery(module);
  attnlab::python::add_io(module);
  attnlab::python::add_run(module);
  attnlab::python::add_sizes(module);
  attnlab::python::add_cache(module);
}
