// Not there; said here, since a header of an installed CUDA Toolkit would be found instead.
#pragma once
#error attnlab: <cusolverSp.h> (cuSOLVER)
