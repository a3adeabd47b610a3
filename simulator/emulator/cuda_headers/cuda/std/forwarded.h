// cuda::std, which is the standard library here. The headers beside this one include their namesakes.
#pragma once

#include "../scopes.h"
