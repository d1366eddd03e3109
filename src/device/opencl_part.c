/*
  opencl_part.c - A part of the curves on a device: their vectors once, then, step by step, their bounds of u, a range
  of targets, and what passed both tests.

  Kernels, in the order of the queue: first_test, again, collect. The answer is one array of numbers: how many pairs
  were asked for, and for each curve how many passed the first test, how many are kept, and where they are.
*/
#include "device_impl.h"
#include "kernel/pack.h"

/* Work items of first_test: across and down; targets and vectors of a work group (scan.cl). */
enum { ACROSS = 16, DOWN = 8, GROUP_TARGETS = 64, GROUP_ROWS = 32, TESTERS = 64 };

/* Radii, steepnesses and centre of a circle; the level of a point. */
static size_t BoundLength(BrenierTileKind kind)
{
  return kind == BRENIER_TILE_CIRCLE ? 2 * BRENIER_DIRECTIONS + 3 : 1;
}

static int Single(const BrenierDevice *device)
{
  return device->curves->products == BRENIER_PRODUCTS_SINGLE;
}

/* Words of a vector. */
static cl_uint Depth(const BrenierDevice *device)
{
  const size_t dim = device->curves->dim;

  return (cl_uint)(Single(device) ? dim : PackDim(BRENIER_PRODUCTS_BYTES, dim) / BRENIER_QUAD);
}

/* Numbers of curve `from` and those behind it: shape [n, 4]. */
static void FillNumbers(const BrenierTileCurves *c, size_t from, size_t n, float number[])
{
  const int single = c->products == BRENIER_PRODUCTS_SINGLE;

  for (size_t i = 0; i < n; ++i) {
    number[4 * i]     = single ? 1.0f : c->z_scale[from + i];
    number[4 * i + 1] = single ? 0.0f : c->first_norm[from + i];
    number[4 * i + 2] = single ? 0.0f : c->quantisation_error[from + i];
    number[4 * i + 3] = c->norm[from + i];
  }
}

/* What the host keeps of a part of n curves. */
static int AllocHost(BrenierDevice *device, BrenierDevicePart *part)
{
  const size_t bound = BoundLength(device->curves->kind);

  free(part->staged);
  free(part->answer);
  free(part->visited);
  if (!part->pair) part->pair = malloc(device->pairs * sizeof *part->pair);
  part->staged  = malloc(part->n * (bound > 4 ? bound : 4) * sizeof *part->staged);
  part->answer  = malloc((1 + 3 * part->n) * sizeof *part->answer);
  part->visited = malloc(part->n);
  if (part->pair && part->staged && part->answer && part->visited) return 0;
  return BrenierDeviceFail_Private(device, "malloc", CL_OUT_OF_HOST_MEMORY);
}

int BrenierDevicePartBegin_Private(BrenierDevice *device, BrenierDevicePart *part)
{
  const BrenierTileCurves *c       = device->curves;
  const size_t             vectors = PackVectors(c->kind), row = part->first * vectors, n_rows = part->n * vectors;
  const size_t             n_padded = PackRoundUp(n_rows, BRENIER_TILE_ROWS), width = PackRowWidth(c->dim);
  const void              *words;
  size_t                   size;

  part->range = BRENIER_DEVICE_FIRST_RANGE;
  if (AllocHost(device, part)) return -1;
  if (Single(device)) {
    size  = c->dim * sizeof(float);
    words = c->z + row * c->dim;
  } else {
    size  = PackDim(c->products, c->dim);
    words = c->z_bytes + row * size;
    if (BrenierDeviceSend_Private(device, part->queue, &part->rows, n_rows * width * sizeof(float), c->z + row * width,
                                  0))
      return -1;
  }
  FillNumbers(c, part->first, part->n, part->staged);
  return BrenierDeviceSend_Private(device, part->queue, &part->words, n_padded * size, words, 0) ||
                 BrenierDeviceSend_Private(device, part->queue, &part->curve, part->n * 4 * sizeof(float), part->staged,
                                           1)
             ? -1
             : 0;
}

/* Sends the bounds of u as they are now. */
static int SendBounds(BrenierDevice *device, BrenierDevicePart *part)
{
  const BrenierTileCurves *c      = device->curves;
  const size_t             length = BoundLength(c->kind), radii = 2 * BRENIER_DIRECTIONS, first = part->first;

  for (size_t i = 0; i < part->n; ++i) {
    float *to = part->staged + i * length;

    if (c->kind == BRENIER_TILE_POINT) *to = c->level[first + i];
    else {
      memcpy(to, c->radius + (first + i) * radii, radii * sizeof *to);
      memcpy(to + radii, c->centre + 3 * (first + i), 3 * sizeof *to);
    }
  }
  if (BrenierDeviceSend_Private(device, part->queue, &part->bound, part->n * length * sizeof(float), part->staged, 0) ||
      BrenierDeviceSend_Private(device, part->queue, &part->n_sectors, part->n * sizeof(int), c->n_sectors + first, 0))
    return -1;
  if (c->kind == BRENIER_TILE_POINT) // a kernel wants an argument, which it does not read
    return BrenierDeviceReserve_Private(device, &part->sector, 1) || BrenierDeviceReserve_Private(device, &part->arc, 1)
               ? -1
               : 0;
  return BrenierDeviceSend_Private(device, part->queue, &part->sector, part->n * 3 * BRENIER_SECTORS * sizeof(float),
                                   c->sector + first * 3 * BRENIER_SECTORS, 0) ||
                 BrenierDeviceSend_Private(device, part->queue, &part->arc,
                                           part->n * 4 * BRENIER_SECTORS * sizeof(float),
                                           c->arc + first * 4 * BRENIER_SECTORS, 0)
             ? -1
             : 0;
}

/* Arguments of a kernel, one after the other. */
typedef struct {
  cl_kernel kernel;
  cl_uint   at;
  cl_int    code;
} Arguments;

static void AddNumber(Arguments *a, size_t number)
{
  const cl_uint value = (cl_uint)number;

  if (!a->code) a->code = clSetKernelArg(a->kernel, a->at++, sizeof value, &value);
}

static void AddBuffer(Arguments *a, const BrenierDeviceBuffer *buffer)
{
  if (!a->code) a->code = clSetKernelArg(a->kernel, a->at++, sizeof(cl_mem), &buffer->memory);
}

/* Starts a kernel whose arguments are set; *event is for its time. */
static int Run(BrenierDevice *device, BrenierDevicePart *part, const Arguments *a, const char name[],
               const size_t size[2], const size_t group[2], cl_event *event)
{
  cl_int code = a->code;

  if (*event) clReleaseEvent(*event);
  *event = NULL;
  if (!code) code = clEnqueueNDRangeKernel(part->queue, a->kernel, 2, NULL, size, group, 0, NULL, event);
  return code ? BrenierDeviceFail_Private(device, name, code) : 0;
}

/* Zeros, and places that wait. */
static int ClearAnswer(BrenierDevice *device, BrenierDevicePart *part)
{
  const size_t n_zeros = 1 + 2 * part->n;

  memset(part->answer, 0, n_zeros * sizeof *part->answer);
  memset(part->answer + n_zeros, 0xff, part->n * sizeof *part->answer);
  return BrenierDeviceSend_Private(device, part->queue, &part->head, (n_zeros + part->n) * sizeof *part->answer,
                                   part->answer, 0);
}

/* Products and the first test. */
static int RunFirstTest(BrenierDevice *device, BrenierDevicePart *part)
{
  const BrenierDeviceCopy *copy   = part->copy;
  const size_t             n_rows = part->n * PackVectors(device->curves->kind), n = part->end - part->begin;
  const size_t             group[] = {ACROSS, DOWN};
  const size_t             size[]  = {PackRoundUp(n, GROUP_TARGETS) / GROUP_TARGETS * ACROSS,
                                      PackRoundUp(n_rows, GROUP_ROWS) / GROUP_ROWS * DOWN};
  Arguments                a       = {device->use->first_test, 0, CL_SUCCESS};

  AddNumber(&a, part->n);
  AddNumber(&a, part->begin);
  AddNumber(&a, part->end);
  AddNumber(&a, Depth(device));
  AddNumber(&a, n);
  AddBuffer(&a, &part->words);
  AddBuffer(&a, &part->curve);
  AddBuffer(&a, &part->bound);
  AddBuffer(&a, &copy->words);
  AddBuffer(&a, &copy->numbers);
  AddBuffer(&a, &copy->height);
  AddBuffer(&a, &part->head);
  AddBuffer(&a, &part->list);
  device->work.products += 2.0 * (double)n_rows * (double)n * (double)device->curves->dim;
  return Run(device, part, &a, "the kernel first_test", size, group, &part->event[0]);
}

/* What the other kernels begin with. */
static Arguments CommonArguments(const BrenierDevice *device, const BrenierDevicePart *part, cl_kernel kernel)
{
  Arguments a = {kernel, 0, CL_SUCCESS};

  AddNumber(&a, part->n);
  AddNumber(&a, part->begin);
  AddNumber(&a, device->curves->dim);
  AddNumber(&a, PackRowWidth(device->curves->dim));
  AddNumber(&a, part->end - part->begin);
  AddBuffer(&a, Single(device) ? &part->words : &part->rows);
  return a;
}

/* The single products, and both tests again. */
static int RunAgain(BrenierDevice *device, BrenierDevicePart *part)
{
  const BrenierDeviceCopy *copy   = part->copy;
  const size_t             size[] = {part->n * TESTERS, 1}, group[] = {TESTERS, 1};
  Arguments                a = CommonArguments(device, part, device->use->again);

  AddBuffer(&a, &part->curve);
  AddBuffer(&a, &part->bound);
  AddBuffer(&a, &part->sector);
  AddBuffer(&a, &part->arc);
  AddBuffer(&a, &part->n_sectors);
  AddBuffer(&a, Single(device) ? &copy->words : &copy->rows);
  AddBuffer(&a, &copy->numbers);
  AddBuffer(&a, &copy->height);
  AddBuffer(&a, &part->head);
  AddBuffer(&a, &part->list);
  return Run(device, part, &a, "the kernel again", size, group, &part->event[1]);
}

/* Writes what is kept side by side, and asks for the answer. */
static int RunCollect(BrenierDevice *device, BrenierDevicePart *part)
{
  const BrenierDeviceCopy *copy   = part->copy;
  const size_t             size[] = {part->n * TESTERS, 1}, group[] = {TESTERS, 1};
  const size_t             bytes = (1 + 3 * part->n) * sizeof *part->answer;
  Arguments                a     = CommonArguments(device, part, device->use->collect);
  cl_int                   code;

  AddBuffer(&a, Single(device) ? &copy->words : &copy->rows);
  AddBuffer(&a, &part->head);
  AddBuffer(&a, &part->list);
  AddNumber(&a, device->pairs);
  AddBuffer(&a, &part->found);
  if (Run(device, part, &a, "the kernel collect", size, group, &part->event[2])) return -1;
  if (part->answered) clReleaseEvent(part->answered);
  part->answered = NULL;
  code =
      clEnqueueReadBuffer(part->queue, part->head.memory, CL_FALSE, 0, bytes, part->answer, 0, NULL, &part->answered);
  if (!code) code = clFlush(part->queue);
  device->work.bytes_from += (double)bytes;
  return code ? BrenierDeviceFail_Private(device, "clEnqueueReadBuffer", code) : 0;
}

int BrenierDevicePartStart_Private(BrenierDevice *device, BrenierDevicePart *part, BrenierTileTargets *targets)
{
  const size_t n = part->end - part->begin;

  memset(part->visited, 0, part->n);
  part->n_found = 0;
  if (BrenierDeviceCopyOf_Private(device, targets, &part->copy)) {
    part->copy = NULL;
    return -1;
  }
  ++part->copy->users;
  return SendBounds(device, part) || ClearAnswer(device, part) ||
                 BrenierDeviceReserve_Private(device, &part->list, part->n * n * sizeof(uint16_t)) ||
                 BrenierDeviceReserve_Private(device, &part->found, device->pairs * sizeof *part->pair) ||
                 RunFirstTest(device, part) || RunAgain(device, part) || RunCollect(device, part)
             ? -1
             : 0;
}

int BrenierDevicePartAgain_Private(BrenierDevice *device, BrenierDevicePart *part)
{
  static const cl_int none = 0;
  const cl_int        code =
      clEnqueueWriteBuffer(part->queue, part->head.memory, CL_FALSE, 0, sizeof none, &none, 0, NULL, NULL);

  return code ? BrenierDeviceFail_Private(device, "clEnqueueWriteBuffer", code) : RunCollect(device, part);
}

/* Adds the time of a kernel. */
static void AddTime(BrenierDevice *device, cl_event event, int is_product)
{
  cl_ulong begin, end;
  double   seconds;

  if (clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof begin, &begin, NULL) ||
      clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL))
    return;
  seconds = 1e-9 * (double)(end - begin);
  device->work.seconds += seconds;
  if (is_product) device->work.product_seconds += seconds;
}

int BrenierDevicePartAnswer_Private(BrenierDevice *device, BrenierDevicePart *part)
{
  cl_int  code = clWaitForEvents(1, &part->answered);
  int32_t n    = 0;

  if (code) return BrenierDeviceFail_Private(device, "clWaitForEvents", code);
  for (size_t c = 0; c < part->n; ++c) {
    const int32_t place = BrenierDevicePlace_Private(part, c), end = place + BrenierDeviceKept_Private(part, c);

    if (!part->visited[c] && place >= 0 && end > n) n = end;
  }
  if ((size_t)n > device->pairs) return BrenierDeviceFail_Private(device, "the kernel collect", CL_INVALID_VALUE);
  if (n > 0) {
    code = clEnqueueReadBuffer(device->transfer, part->found.memory, CL_TRUE, 0, (size_t)n * sizeof *part->pair,
                               part->pair, 0, NULL, NULL); // not behind another part's kernels
    device->work.bytes_from += (double)n * (double)sizeof *part->pair;
  }
  return code ? BrenierDeviceFail_Private(device, "clEnqueueReadBuffer", code) : 0;
}

void BrenierDevicePartEnd_Private(BrenierDevice *device, BrenierDevicePart *part)
{
  for (int k = 0; k < 3; ++k) {
    if (!part->event[k]) continue;
    if (!device->failure[0]) AddTime(device, part->event[k], k == 0);
    clReleaseEvent(part->event[k]);
    part->event[k] = NULL;
  }
  if (part->answered) clReleaseEvent(part->answered);
  part->answered = NULL;
  if (part->copy) --part->copy->users;
  part->copy = NULL;
}

void BrenierDevicePartFree_Private(BrenierDevicePart *part)
{
  BrenierDeviceBuffer *const buffer[] = {&part->words, &part->rows, &part->curve,     &part->bound, &part->sector,
                                         &part->arc,   &part->list, &part->n_sectors, &part->head,  &part->found};

  for (size_t k = 0; k < sizeof buffer / sizeof buffer[0]; ++k)
    if (buffer[k]->memory) clReleaseMemObject(buffer[k]->memory);
  free(part->staged);
  free(part->answer);
  free(part->visited);
  free(part->pair);
  memset(part, 0, sizeof *part);
}
