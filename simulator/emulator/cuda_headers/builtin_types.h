// Names of fundamental types.
#pragma once

#include "vector_types.h"
