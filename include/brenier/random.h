/*
  random.h - Counter-based random numbers: what curve, point or target k draws depends on (seed, stream, k) alone.

  Philox4x32-10 (Salmon et al., SC 2011, "Parallel random numbers: as easy as 1, 2, 3") with key = seed and counter =
  (block, stream, index): no state, any order, any number of ranks, the same numbers. A block yields two uniform
  numbers of 53 bits or, by Box and Muller, two standard normal ones.
*/
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Who draws: samples of different streams are independent. */
typedef enum {
  BRENIER_STREAM_SOLVE        = 1,    /* curves that the solver minimises on */
  BRENIER_STREAM_CHECK        = 2,    /* held-out curves */
  BRENIER_STREAM_SAMPLE       = 3,    /* points drawn for `sample` */
  BRENIER_STREAM_START        = 4,    /* curves of the Gaussian that starts the cube */
  BRENIER_STREAM_HEIGHT_SCALE = 6,    /* curves that measure the height scale of the warm-up */
  BRENIER_STREAM_CLUSTER      = 7,    /* first centres of the hierarchy */
  BRENIER_STREAM_LEVEL        = 8,    /* curves of its coarse levels */
  BRENIER_STREAM_FACETS       = 9,    /* curves that facets are measured on */
  BRENIER_STREAM_BARYCENTRE   = 10,   /* curves of barycentres, where a solve keeps none */
  BRENIER_STREAM_HALVES       = 11,   /* halves of two sets of features */
  BRENIER_STREAM_CLASS        = 12,   /* classes of the points drawn for `sample` */
  BRENIER_STREAM_POLAR        = 13,   /* points of cells, for a polar factorisation */
  BRENIER_STREAM_COMPARE      = 14,   /* points that other points of the source are compared with */
  BRENIER_STREAM_FILL         = 32,   /* and the following: curves that missing cells are lifted on */
  BRENIER_STREAM_REPORT       = 128,  /* and the following: held-out curves of a solve, a stream a measurement */
  BRENIER_STREAM_WARM         = 256,  /* and the following: curves of the warm-up, a stream a step */
  BRENIER_STREAM_DESCENT      = 4096, /* points of a stochastic descent; the following: its curves, a stream a step */
  BRENIER_STREAM_PARTS = 1 << 29, /* and the following: held-out curves drawn in parts, 2^20 streams a measurement */
  BRENIER_STREAM_SGD   = 1 << 30  /* and the following: curves of passes, a stream a step */
} BrenierStream;

/*@
  BrenierRandomUniform - Draws `count` independent numbers uniform on (0, 1), each an odd multiple of 2^-54

  Not collective; pure function of its input

  Input Parameters:
+ seed   - with `stream` and `index` names the sequence
. stream - who draws, a `BrenierStream`
. index  - which curve, point or target draws
- count  - length of the sequence, below 2^33; a shorter sequence is a prefix of a longer one

  Output Parameter:
. x - the numbers, shape [count]; unit: 1

  Cost: some 10 ns a number
@*/
void BrenierRandomUniform(uint64_t seed, uint32_t stream, uint64_t index, size_t count, double x[]);

/*@
  BrenierRandomNormal - Draws `count` independent standard normal numbers

  Not collective; pure function of its input

  Input Parameters:
+ seed   - with `stream` and `index` names the sequence
. stream - who draws, a `BrenierStream`
. index  - which curve, point or target draws
- count  - length of the sequence, below 2^33; a shorter sequence is a prefix of a longer one

  Output Parameter:
. x - the numbers, shape [count]; the largest magnitude is about 8.6; unit: 1

  Cost: some 5 ns a number

  Notes: The same bits on every processor (kernel/box_muller.h).

  Reference: Box and Muller, Ann. Math. Stat. 29 (1958).
@*/
void BrenierRandomNormal(uint64_t seed, uint32_t stream, uint64_t index, size_t count, double x[]);
