/*
  opencl_scan.c - A round of a scan: every part of the curves meets every tile of targets, a range at a time.

  The parts' steps take turns on the device's queues. When the pairs of a step have come back, threads visit them,
  which raises the bounds of these curves. Then the part's next step is sent, with these bounds. Meanwhile the device
  has the other parts. The first ranges are short, as nothing may be known of u yet; they grow while little passes.

  The pairs of a curve come back in any order and are sorted, so that what is found does not depend on the device's
  timing. A device that fails is used no more. The processor scans what its parts have left: all steps whose pairs were
  not visited.
*/
#include "device_impl.h"
#include "kernel/pack.h"

#include <omp.h>

/* Pairs of a curve and a step by which ranges grow four times; else twice. */
enum { BRENIER_DEVICE_FEW = 32 };

static size_t PartSize(BrenierTileKind kind)
{
  return BRENIER_DEVICE_PART_ROWS / PackVectors(kind);
}

/* So many parts; those that there are keep their buffers. */
static int SetParts(BrenierDevice *device, size_t n_parts)
{
  BrenierDevicePart *part;

  if (n_parts <= device->n_parts) return 0;
  part = realloc(device->part, n_parts * sizeof *part);
  if (!part) return BrenierDeviceFail_Private(device, "realloc", CL_OUT_OF_HOST_MEMORY);
  memset(part + device->n_parts, 0, (n_parts - device->n_parts) * sizeof *part);
  device->part    = part;
  device->n_parts = n_parts;
  return 0;
}

void BrenierDeviceBegin(BrenierDevice *device, const BrenierTileCurves *curves, size_t n)
{
  const size_t size = PartSize(curves->kind), n_parts = (n + size - 1) / size;

  device->curves   = curves;
  device->n_curves = n;
  if (!device->failure[0] && curves->products == BRENIER_PRODUCTS_INT16)
    (void)BrenierDeviceFail_Private(device, "a scan of what was packed before the device was chosen", CL_INVALID_VALUE);
  if (device->failure[0] || BrenierDeviceProgram_Private(device, curves->kind, curves->products, &device->use) ||
      SetParts(device, n_parts))
    return;
  for (size_t p = 0; p < n_parts; ++p) {
    BrenierDevicePart *part = &device->part[p];

    part->first = p * size;
    part->n     = n - part->first < size ? n - part->first : size;
    part->queue = device->queue[p % BRENIER_DEVICE_QUEUES];
    if (BrenierDevicePartBegin_Private(device, part)) return;
  }
}

/* Room for the pairs of a curve, for each thread. */
static int ReserveScratch(BrenierDevice *device, int n_threads)
{
  BrenierDeviceScratch *scratch;

  if ((size_t)n_threads > device->n_scratch) {
    scratch = realloc(device->scratch, (size_t)n_threads * sizeof *scratch);
    if (!scratch) return BrenierDeviceFail_Private(device, "realloc", CL_OUT_OF_HOST_MEMORY);
    device->scratch = scratch;
    for (; device->n_scratch < (size_t)n_threads; ++device->n_scratch)
      scratch[device->n_scratch] = (BrenierDeviceScratch){0, NULL, NULL, NULL, NULL};
  }
  for (int t = 0; t < n_threads; ++t) {
    scratch = &device->scratch[t];
    if (scratch->capacity) continue;
    scratch->target = malloc(BRENIER_DEVICE_RANGE * sizeof *scratch->target);
    scratch->a      = malloc((size_t)3 * BRENIER_DEVICE_RANGE * sizeof *scratch->a);
    if (!scratch->target || !scratch->a) return BrenierDeviceFail_Private(device, "malloc", CL_OUT_OF_HOST_MEMORY);
    scratch->b        = scratch->a + BRENIER_DEVICE_RANGE;
    scratch->height   = scratch->b + BRENIER_DEVICE_RANGE;
    scratch->capacity = BRENIER_DEVICE_RANGE;
  }
  return 0;
}

static int ComparePairs(const void *x, const void *y)
{
  const int32_t a = ((const BrenierDevicePair *)x)->target, b = ((const BrenierDevicePair *)y)->target;

  return (a > b) - (a < b);
}

/* Hands the pairs of curve c of a part to the visitor. */
static void VisitCurve(BrenierDevice *device, const BrenierDeviceRound *round, BrenierDevicePart *part, size_t c,
                       int thread)
{
  const BrenierTileTargets *t = round->tile[part->tile];
  BrenierDeviceScratch     *s = &device->scratch[thread];
  const size_t              n = (size_t)BrenierDeviceKept_Private(part, c), curve = part->first + c;
  BrenierDevicePair        *pair  = part->pair + BrenierDevicePlace_Private(part, c);
  const float               reach = device->curves->norm[curve];

  part->visited[c] = 1;
  if (n == 0) return;
  qsort(pair, n, sizeof *pair, ComparePairs);
  for (size_t i = 0; i < n; ++i) {
    s->target[i] = pair[i].target;
    s->a[i]      = pair[i].a;
    s->b[i]      = pair[i].b;
    s->height[i] = t->height[pair[i].target] + reach * t->margin[pair[i].target];
  }
  round->visit(round->context[thread], part->tile, curve,
               &(BrenierTileFound){.n = n, .target = s->target, .a = s->a, .b = s->b, .height = s->height});
}

/* Visits what has come back; returns how many curves wait for room. */
static size_t VisitPart(BrenierDevice *device, const BrenierDeviceRound *round, BrenierDevicePart *part)
{
  size_t n_waiting = 0, n_found = 0;

#pragma omp parallel for num_threads(round->n_threads) schedule(dynamic, 16) reduction(+ : n_waiting, n_found)
  for (size_t c = 0; c < part->n; ++c) {
    if (part->visited[c]) continue;
    if (BrenierDevicePlace_Private(part, c) < 0) ++n_waiting;
    else {
      n_found += (size_t)BrenierDeviceKept_Private(part, c);
      VisitCurve(device, round, part, c, omp_get_thread_num());
    }
  }
  part->n_found += n_found;
  return n_waiting;
}

/* Sets the step of a part that begins at part->end of its tile, or with the next tile. Returns whether there is one. */
static int NextStep(const BrenierDeviceRound *round, BrenierDevicePart *part)
{
  size_t left;

  part->begin = part->end;
  while (part->tile < round->n_tiles && part->begin == round->tile[part->tile]->n) {
    ++part->tile;
    part->begin = part->end = 0;
  }
  if (part->tile == round->n_tiles) return 0;
  left      = round->tile[part->tile]->n - part->begin;
  part->end = part->begin + (left < part->range ? left : part->range);
  return 1;
}

/* Starts the next step of a part; *active: whether there was one. */
static int StartNext(BrenierDevice *device, const BrenierDeviceRound *round, BrenierDevicePart *part, int *active)
{
  *active = NextStep(round, part);
  // Only the copy on the device changes in a tile
  return *active ? BrenierDevicePartStart_Private(device, part, (BrenierTileTargets *)round->tile[part->tile]) : 0;
}

/* Waits for the step of a part, visits what it found, and starts the next one. */
static int TakeTurn(BrenierDevice *device, const BrenierDeviceRound *round, BrenierDevicePart *part, int *active)
{
  const size_t most = BRENIER_DEVICE_RANGE;

  if (device->failure[0]) return -1;
  if (BrenierDevicePartAnswer_Private(device, part)) return -1;
  while (VisitPart(device, round, part) > 0)
    if (device->failure[0] || BrenierDevicePartAgain_Private(device, part) ||
        BrenierDevicePartAnswer_Private(device, part))
      return -1;
  part->range *= part->n_found < BRENIER_DEVICE_FEW * part->n ? 4 : 2;
  if (part->range > most) part->range = most;
  BrenierDevicePartEnd_Private(device, part);
  return StartNext(device, round, part, active);
}

/* All parts, in turns, until the last has no step or the device fails. */
static int ScanParts(BrenierDevice *device, const BrenierDeviceRound *round, size_t n_parts)
{
  size_t n_active = 0;
  int    active;

  for (size_t p = 0; p < n_parts; ++p) {
    device->part[p].tile = device->part[p].begin = device->part[p].end = 0;
    device->part[p].n_found                                            = 0;
  }
  for (size_t p = 0; p < n_parts; ++p) {
    if (StartNext(device, round, &device->part[p], &active)) return -1;
    n_active += (size_t)active;
  }
  while (n_active > 0)
    for (size_t p = 0; p < n_parts; ++p) {
      if (device->part[p].tile == round->n_tiles) continue;
      if (TakeTurn(device, round, &device->part[p], &active)) return -1;
      n_active -= (size_t)!active;
    }
  return 0;
}

/* What a thread of the processor scans after a device has failed. */
typedef struct {
  const BrenierDeviceRound *round;
  const BrenierDevicePart  *part; /* NULL: nothing of the curves was scanned */
  size_t                    tile;
  void                     *context;
} Rest;

/* Leaves out the targets that the device has handled for this curve. */
static void VisitRest(void *context, size_t curve, const BrenierTileFound *found)
{
  const Rest              *rest = context;
  const BrenierDevicePart *part = rest->part;
  BrenierTileFound         left = *found;
  size_t                   done = 0;

  if (part && rest->tile == part->tile) done = part->visited[curve - part->first] ? part->end : part->begin;
  while (left.n > 0 && (size_t)*left.target < done) {
    --left.n;
    ++left.target;
    ++left.a;
    ++left.b;
    ++left.height;
  }
  if (left.n > 0) rest->round->visit(rest->context, rest->tile, curve, &left);
}

/* Scans curves [first, first + n) with the tiles that are left to them. */
static void ScanRest(const BrenierDevice *device, const BrenierDeviceRound *round, const BrenierDevicePart *part,
                     size_t first, size_t n)
{
  const size_t unit = BRENIER_TILE_ROWS; // a multiple of what the kernel takes together

#pragma omp parallel for num_threads(round->n_threads) schedule(dynamic)
  for (size_t c = 0; c < n; c += unit)
    for (size_t tile = part ? part->tile : 0; tile < round->n_tiles; ++tile) {
      Rest rest = {round, part, tile, round->context[omp_get_thread_num()]};

      BrenierTileScan(device->curves, first + c, n - c < unit ? n - c : unit, round->tile[tile], VisitRest, &rest);
    }
}

void BrenierDeviceScan(BrenierDevice *device, const BrenierDeviceRound *round)
{
  const size_t size = PartSize(device->curves->kind), n_parts = (device->n_curves + size - 1) / size;

  if (device->failure[0] || ReserveScratch(device, round->n_threads)) {
    ScanRest(device, round, NULL, 0, device->n_curves);
    return;
  }
  ++device->round;
  if (ScanParts(device, round, n_parts) == 0) return;
  for (int q = 0; q < BRENIER_DEVICE_QUEUES; ++q) (void)clFinish(device->queue[q]); // it reads arrays of ours
  for (size_t p = 0; p < n_parts; ++p) {
    ScanRest(device, round, &device->part[p], device->part[p].first, device->part[p].n);
    BrenierDevicePartEnd_Private(device, &device->part[p]);
  }
}
