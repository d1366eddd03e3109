/*
  scan.cl - The scan of tile.h on a device: both tests, of circles (VECTORS 2) or points (VECTORS 1), with products in
  bytes (IN_BYTES) or in single precision. The host builds the file once for each of the four, and defines

    ROWS, WIDTH      vectors in a group of packed curves, targets in a panel (kernel/tile_isa.h)
    SECTORS, DIRECTIONS, DIRECTION_SCALE, QUARTER_TURN
    DOT_PTX          the compiler takes PTX for products of bytes

  first_test - products of a part of the curves with a range of targets, and the first test: a list for each curve, in
               no order.
  again      - for what is left, the product in single precision, the first test again, the second test.
  collect    - writes what is left side by side, curve by curve, as long as there is room; what had none waits.

  All arithmetic in single precision is of tile_body.h, whose margins allow for any order and for contraction. So what
  passes here is what passes there, but for pairs so near to the bound that either may keep them.
*/
#define TILE_ROWS    32 /* vectors of curves that a work group takes */
#define TILE_TARGETS 64 /* targets that it takes */
#define ACROSS       16 /* work items side by side, each with every ACROSS-th target */
#define DOWN         8  /* work items one below the other, each with 4 vectors */
#define DEPTH        16 /* steps of the product that are in local memory at once */
#define ITEM_ROWS    (TILE_ROWS / DOWN)
#define ITEM_TARGETS (TILE_TARGETS / ACROSS)
#define CURVES       (TILE_ROWS / VECTORS) /* of a work group */
#define ITEM_CURVES  (ITEM_ROWS / VECTORS)
#define TESTERS      64 /* work items that share a curve after the first test */
#define WAITS        (-1)

#if IN_BYTES
typedef int Word; /* four bytes, signed; those of targets come unsigned, 128 too large */
  #define UNSHIFTED(y) ((y) ^ (int)0x80808080)
  #if defined(__opencl_c_integer_dot_product_input_4x8bit_packed)
    #define MULTIPLY_ADD(y, z, sum) ((sum) + dot_4x8packed_ss_int(as_uint(y), as_uint(z)))
  #elif defined(DOT_PTX)
static inline int DotPtx(int y, int z, int sum)
{
  int d;

  asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(d) : "r"(y), "r"(z), "r"(sum));
  return d;
}
    #define MULTIPLY_ADD(y, z, sum) DotPtx(y, z, sum)
  #else
static inline int DotBytes(char4 y, char4 z)
{
  return (int)y.x * z.x + (int)y.y * z.y + (int)y.z * z.z + (int)y.w * z.w;
}
    #define MULTIPLY_ADD(y, z, sum) ((sum) + DotBytes(as_char4(y), as_char4(z)))
  #endif
#else
typedef float Word;
  #define UNSHIFTED(y)            (y)
  #define MULTIPLY_ADD(y, z, sum) ((sum) + (y) * (z))
#endif

/* The answer of a part of n curves: how many pairs asked for room; then, for each curve, how many passed the first
   test, how many of these are kept, and where they are, or WAITS. */
#define TOTAL(answer)       (answer)
#define COUNT(answer, n, c) ((answer) + 1 + (c))
#define KEPT(answer, n, c)  ((answer) + 1 + (n) + (c))
#define PLACE(answer, n, c) ((answer) + 1 + 2 * (n) + (c))

/* Numbers of a curve: its unit, and what its products may be off, for each of the target's. Of a target likewise:
   its unit, first_margin, length, margin. Single precision has margins alone. */
typedef float4 Numbers;
#define UNIT(v)  ((v).x)
#define FIRST(v) ((v).y)
#define ERROR(v) ((v).z)
#define AGAIN(v) ((v).w)

/* The height of a target and what its product with a curve may be off. */
static inline float FirstTop(Numbers curve, Numbers target, float height)
{
#if IN_BYTES
  return height + FIRST(curve) * FIRST(target) + ERROR(curve) * ERROR(target);
#else
  return height + AGAIN(curve) * AGAIN(target);
#endif
}

#if VECTORS == 2
/* Whether the plane (a, b, top) is outside of the radii of a circle; bound: radii, steepnesses, then the centre. */
  #define BOUND_LENGTH (2 * DIRECTIONS + 3)
  #define OUTSIDE(bound)                                                                                               \
    const float da = a - bound[2 * DIRECTIONS], db = b - bound[2 * DIRECTIONS + 1];                                    \
    const float below  = bound[2 * DIRECTIONS + 2] - top;                                                              \
    const int   range  = convert_int_sat_rtz(da / (fabs(da) + fabs(db)) * DIRECTION_SCALE + QUARTER_TURN);             \
    const int   k      = (range & (DIRECTIONS / 2 - 1)) | (as_int(db) < 0 ? DIRECTIONS / 2 : 0);                       \
    const float radius = bound[k] + fmin(bound[DIRECTIONS + k] * below, below);                                        \
                                                                                                                       \
    return da * da + db * db >= radius * fabs(radius);

static inline int PassesFirst(__local const float *bound, float a, float b, float top)
{
  OUTSIDE(bound)
}

static inline int PassesAgain(__global const float *bound, float a, float b, float top)
{
  OUTSIDE(bound)
}

/* Whether the plane (a, b, h) reaches the bound of u in some sector. */
static inline int PassesSecond(__global const float *sector, __global const float *arc, int n, float a, float b,
                               float h)
{
  int passes = n == 0;

  for (int g = 0; g < n && !passes; ++g) {
    const float da = a - sector[g], db = b - sector[SECTORS + g];
    const float P = da * arc[g] + db * arc[SECTORS + g], Q = fabs(db * arc[g] - da * arc[SECTORS + g]);

    passes = fmax(P, P * arc[2 * SECTORS + g]) + Q * arc[3 * SECTORS + g] + (h - sector[2 * SECTORS + g]) >= 0.0f;
  }
  return passes;
}
#else
/* bound: the level. */
  #define BOUND_LENGTH 1
static inline int PassesFirst(__local const float *bound, float a, float b, float top)
{
  return a + top >= bound[0];
}

static inline int PassesAgain(__global const float *bound, float a, float b, float top)
{
  return a + top >= bound[0];
}

static inline int PassesSecond(__global const float *sector, __global const float *arc, int n, float a, float b,
                               float h)
{
  return 1;
}
#endif

/* Word k of vector `row` of packed curves; of a target. */
static inline Word CurveWord(__global const Word *z, uint depth, uint row, uint k)
{
  return z[(row / ROWS * depth + k) * ROWS + row % ROWS];
}

static inline Word TargetWord(__global const Word *y, uint depth, uint target, uint k)
{
  return UNSHIFTED(y[(target / WIDTH * depth + k) * WIDTH + target % WIDTH]);
}

/* The tests of a work item's vectors and targets; what passes is put on the lists. */
static inline void Test(Word sum[ITEM_ROWS][ITEM_TARGETS], uint first_curve, uint n_curves, uint target, uint begin,
                        uint end, __global const Numbers *curve, __local const float *bound,
                        __global const Numbers *of_target, __global const float *height, __global int *answer,
                        __global ushort *list, uint capacity)
{
  for (uint j = 0; j < ITEM_TARGETS; ++j) {
    const uint t = target + j * ACROSS;

    if (t >= end) continue;
    for (uint i = 0; i < ITEM_CURVES; ++i) {
      const uint    local_curve = get_local_id(1) * ITEM_CURVES + i, c = first_curve + local_curve;
      const Numbers of_curve = curve[min(c, n_curves - 1)], y = of_target[t];
#if IN_BYTES
      const float unit = UNIT(y) * UNIT(of_curve);
#else
      const float unit = 1.0f;
#endif
      const float a = (float)sum[i * VECTORS][j] * unit, b = (float)sum[i * VECTORS + VECTORS - 1][j] * unit;

      if (c < n_curves && PassesFirst(bound + local_curve * BOUND_LENGTH, a, b, FirstTop(of_curve, y, height[t])))
        list[c * capacity + atomic_inc(COUNT(answer, n_curves, c))] = (ushort)(t - begin);
    }
  }
}

/* Targets [begin, end), of which the work groups along dimension 0 take TILE_TARGETS each. depth: words of a vector.
   list: shape [n_curves, capacity], targets counted from `begin`. */
__kernel __attribute__((reqd_work_group_size(ACROSS, DOWN, 1))) void
first_test(uint n_curves, uint begin, uint end, uint depth, uint capacity, __global const Word *z,
           __global const Numbers *curve, __global const float *curve_bound, __global const Word *y,
           __global const Numbers *target, __global const float *height, __global int *answer, __global ushort *list)
{
  __local Word  of_curves[DEPTH][TILE_ROWS], of_targets[DEPTH][TILE_TARGETS];
  __local float bound[CURVES * BOUND_LENGTH];
  const uint    x = get_local_id(0), row = get_local_id(1) * ITEM_ROWS, item = get_local_id(1) * ACROSS + x;
  const uint    n_items = ACROSS * DOWN, first_curve = get_group_id(1) * CURVES;
  const uint    first_target = begin + get_group_id(0) * TILE_TARGETS;
  Word          sum[ITEM_ROWS][ITEM_TARGETS];

  for (uint i = item; i < CURVES * BOUND_LENGTH; i += n_items)
    bound[i] = curve_bound[min(first_curve + i / BOUND_LENGTH, n_curves - 1) * BOUND_LENGTH + i % BOUND_LENGTH];
  for (uint i = 0; i < ITEM_ROWS; ++i)
    for (uint j = 0; j < ITEM_TARGETS; ++j) sum[i][j] = 0;
  for (uint from = 0; from < depth; from += DEPTH) {
    const uint n = min((uint)DEPTH, depth - from);

    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint i = item; i < n * TILE_ROWS; i += n_items)
      of_curves[i / TILE_ROWS][i % TILE_ROWS] =
          CurveWord(z, depth, min(first_curve * VECTORS + i % TILE_ROWS, n_curves * VECTORS - 1), from + i / TILE_ROWS);
    for (uint i = item; i < n * TILE_TARGETS; i += n_items)
      of_targets[i / TILE_TARGETS][i % TILE_TARGETS] =
          TargetWord(y, depth, min(first_target + i % TILE_TARGETS, end - 1), from + i / TILE_TARGETS);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint k = 0; k < n; ++k)
      for (uint i = 0; i < ITEM_ROWS; ++i)
        for (uint j = 0; j < ITEM_TARGETS; ++j)
          sum[i][j] = MULTIPLY_ADD(of_targets[k][x + j * ACROSS], of_curves[k][row + i], sum[i][j]);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  Test(sum, first_curve, n_curves, first_target + x, begin, end, curve, bound, target, height, answer, list, capacity);
}

/* Products in single precision of curve c and target t, whose vectors have dim coordinates. Products in bytes have
   vectors row after row, width floats each; else the packed ones serve. */
static inline float2 Product(__global const float *z, __global const float *y, uint dim, uint width, uint c, uint t)
{
#if IN_BYTES
  const uint y_stride = 1, z_stride = 1, y_at = t * width;
  const uint z1 = c * VECTORS * width, z2 = z1 + (VECTORS - 1) * width;
#else
  const uint y_stride = WIDTH, z_stride = ROWS, y_at = t / WIDTH * dim * WIDTH + t % WIDTH;
  const uint row = c * VECTORS, z1 = row / ROWS * dim * ROWS + row % ROWS, z2 = z1 + VECTORS - 1;
#endif
  float2 sum = (float2)(0.0f, 0.0f);

  for (uint k = 0; k < dim; ++k) {
    const float at = y[y_at + k * y_stride];

    sum.x += z[z1 + k * z_stride] * at;
    if (VECTORS == 2) sum.y += z[z2 + k * z_stride] * at;
  }
  return sum;
}

/* A work group for each curve: tests its list again, and keeps what passes at the begin of the list. kept: how many.
   With products in single precision the first test is passed again by what has passed it. */
__kernel __attribute__((reqd_work_group_size(TESTERS, 1, 1))) void
again(uint n_curves, uint begin, uint dim, uint width, uint capacity, __global const float *z,
      __global const Numbers *curve, __global const float *curve_bound, __global const float *sector,
      __global const float *arc, __global const int *n_sectors, __global const float *y, __global const Numbers *target,
      __global const float *height, __global int *answer, __global ushort *list)
{
  __local int      n_kept;
  const uint       c = get_group_id(0), n = *COUNT(answer, n_curves, c);
  __global ushort *of_curve = list + c * capacity;

  if (get_local_id(0) == 0) n_kept = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint from = 0; from < n; from += TESTERS) {
    const uint   i      = from + get_local_id(0);
    const ushort at     = of_curve[min(i, n - 1)];
    const uint   t      = begin + at;
    int          passes = i < n;

    if (passes) {
      const float2 p   = Product(z, y, dim, width, c, t);
      const float  top = height[t] + AGAIN(curve[c]) * AGAIN(target[t]);

      passes = PassesAgain(curve_bound + c * BOUND_LENGTH, p.x, p.y, top) &&
               PassesSecond(sector + c * 3 * SECTORS, arc + c * 4 * SECTORS, n_sectors[c], p.x, p.y, top);
    }
    barrier(CLK_GLOBAL_MEM_FENCE | CLK_LOCAL_MEM_FENCE); // all have read their places
    if (passes) of_curve[atomic_inc(&n_kept)] = at;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  if (get_local_id(0) == 0) *KEPT(answer, n_curves, c) = n_kept;
}

/* A pair that has passed: the target in its tile, and its plane. */
typedef struct {
  int   target;
  float a, b;
} Pair;

/* A work group for each curve that waits: writes what it kept to `found`, with room for `room` pairs, and where. */
__kernel __attribute__((reqd_work_group_size(TESTERS, 1, 1))) void
collect(uint n_curves, uint begin, uint dim, uint width, uint capacity, __global const float *z,
        __global const float *y, __global int *answer, __global const ushort *list, int room, __global Pair *found)
{
  __local int   here;
  const uint    c     = get_group_id(0);
  const int     n     = *KEPT(answer, n_curves, c);
  __global int *place = PLACE(answer, n_curves, c);

  if (get_local_id(0) == 0) {
    here = WAITS;
    if (*place == WAITS && n == 0) *place = 0;
    else if (*place == WAITS) {
      const int at = atomic_add(TOTAL(answer), n);

      if (at + n <= room) here = *place = at;
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int i = get_local_id(0); here != WAITS && i < n; i += TESTERS) {
    const uint   t = begin + list[c * capacity + i];
    const float2 p = Product(z, y, dim, width, c, t);

    found[here + i].target = (int)t;
    found[here + i].a      = p.x;
    found[here + i].b      = VECTORS == 2 ? p.y : 0.0f;
  }
}

#if IN_BYTES
/* Multiplications and additions on registers alone, enough chains to hide their latency: the device's peak. */
__kernel __attribute__((reqd_work_group_size(ACROSS * DOWN, 1, 1))) void peak(int rounds, __global int *out)
{
  enum { CHAINS = 16 };
  const int z = (int)get_local_id(0);
  int       sum[CHAINS];

  for (int k = 0; k < CHAINS; ++k) sum[k] = k + z;
  for (int r = 0; r < rounds; ++r)
    for (int k = 0; k < CHAINS; ++k) sum[k] = MULTIPLY_ADD(sum[k], z, sum[k]);
  for (int k = 1; k < CHAINS; ++k) sum[0] += sum[k];
  out[get_global_id(0)] = sum[0];
}
#endif
