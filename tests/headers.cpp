// Nothing of its own: this file has what all tests include precompiled (CMakeLists.txt).
