/*
  wide.h - Compiles a function for wider vectors too, chosen at load time. Without contraction into FMA the results are
  the same bit for bit. Not under sanitizers, whose run time is not up when the choice is made.
*/
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
  #define BRENIER_WIDE __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
  #define BRENIER_WIDE
#endif
