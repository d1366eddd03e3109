/* device_impl.h - What the files opencl_*.c share. */
#pragma once

#include "device_scan.h"
#include "kernel/tile_isa.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

/* Targets of a step at most: places in a list have 16 bits. */
enum { BRENIER_DEVICE_RANGE = 16384 };

/* Targets of the first step: nothing is known of u yet, and all of them may pass. A multiple of a work group's 64. */
enum { BRENIER_DEVICE_FIRST_RANGE = 512 };

/* Vectors of a part: whole groups of curves; enough for all of a device, few enough that parts take turns. */
enum { BRENIER_DEVICE_PART_ROWS = 170 * BRENIER_TILE_ROWS, BRENIER_DEVICE_QUEUES = 2 };

/* Kinds of curves, circles and points, times products, in single precision and in bytes. */
enum { BRENIER_DEVICE_PROGRAMS = 4 };

typedef struct {
  cl_program program; /* NULL: not built yet */
  cl_kernel  first_test, again, collect;
} BrenierDeviceProgram;

/* A buffer on the device, which grows. */
typedef struct {
  cl_mem memory;
  size_t bytes;
} BrenierDeviceBuffer;

/* A tile of targets on the device, in a list with the last one used first. */
typedef struct BrenierDeviceCopy {
  BrenierDevice            *device;
  BrenierTileTargets       *owner;
  BrenierDeviceBuffer       words, rows, numbers, height;
  size_t                    bytes;
  int                       users; /* parts whose present step reads it */
  size_t                    round; /* that its heights are of */
  struct BrenierDeviceCopy *before, *after;
} BrenierDeviceCopy;

/* A pair that has passed, as scan.cl writes it. */
typedef struct {
  int32_t target;
  float   a, b;
} BrenierDevicePair;

/* Curves [first, first + n), and their present step: targets [begin, end) of a tile. */
typedef struct {
  size_t              first, n;
  cl_command_queue    queue; /* borrowed */
  BrenierDeviceBuffer words, rows, curve, bound, sector, arc, n_sectors, list, head, found;
  float              *staged; /* bounds on their way */
  int32_t            *answer; /* total, then counts, numbers kept, places: shape [1 + 3 n] */
  char               *visited;
  BrenierDevicePair  *pair; /* shape [pairs of the device] */
  size_t              tile, begin, end, range;
  BrenierDeviceCopy  *copy;
  cl_event            event[3]; /* of the kernels */
  cl_event            answered;
  size_t              n_found; /* in this step */
} BrenierDevicePart;

/* A thread's arrays of what was found for a curve. */
typedef struct {
  size_t   capacity;
  int32_t *target;
  float   *a, *b, *height;
} BrenierDeviceScratch;

struct BrenierDevice {
  char                     name[256], failure[1024];
  cl_device_id             id;
  cl_context               context;
  cl_command_queue         queue[BRENIER_DEVICE_QUEUES], transfer;
  BrenierDeviceProgram     program[BRENIER_DEVICE_PROGRAMS];
  size_t                   limit, pairs; /* bytes of targets; pairs that come back at once */
  size_t                   bytes;        /* of targets there */
  BrenierDeviceCopy       *newest, *oldest;
  size_t                   round;
  const BrenierTileCurves *curves;
  BrenierDeviceProgram    *use; /* the program for these */
  size_t                   n_parts, n_curves;
  BrenierDevicePart       *part;
  size_t                   n_scratch;
  BrenierDeviceScratch    *scratch;
  BrenierDeviceWork        work;
};

/* All return 0; or -1 with device->failure set, once and for all. */
int BrenierDeviceFail_Private(BrenierDevice *device, const char what[], cl_int code);
int BrenierDeviceProgram_Private(BrenierDevice *device, BrenierTileKind kind, BrenierTileProducts products,
                                 BrenierDeviceProgram **program);
int BrenierDeviceReserve_Private(BrenierDevice *device, BrenierDeviceBuffer *buffer, size_t bytes);

/* Sends bytes; they must stay until the queue has come to its end, unless `waits`. */
int BrenierDeviceSend_Private(BrenierDevice *device, cl_command_queue queue, BrenierDeviceBuffer *buffer, size_t bytes,
                              const void *from, int waits);

/* The copy of a tile, with its heights for the present round; it is made where there is none. */
int  BrenierDeviceCopyOf_Private(BrenierDevice *device, BrenierTileTargets *targets, BrenierDeviceCopy **copy);
void BrenierDeviceCopiesFree_Private(BrenierDevice *device);

/* Sends the curves of a part; starts its present step; waits for it and brings pairs back, as many as have room: *more
   says that others wait for the next call. */
int  BrenierDevicePartBegin_Private(BrenierDevice *device, BrenierDevicePart *part);
int  BrenierDevicePartStart_Private(BrenierDevice *device, BrenierDevicePart *part, BrenierTileTargets *targets);
int  BrenierDevicePartAnswer_Private(BrenierDevice *device, BrenierDevicePart *part);
int  BrenierDevicePartAgain_Private(BrenierDevice *device, BrenierDevicePart *part);
void BrenierDevicePartEnd_Private(BrenierDevice *device, BrenierDevicePart *part);
void BrenierDevicePartFree_Private(BrenierDevicePart *part);

/* Numbers in a part's answer: how many pairs of a curve passed both tests, and where they are in part->pair; -1: they
   wait. */
static inline int32_t BrenierDeviceKept_Private(const BrenierDevicePart *part, size_t c)
{
  return part->answer[1 + part->n + c];
}

static inline int32_t BrenierDevicePlace_Private(const BrenierDevicePart *part, size_t c)
{
  return part->answer[1 + 2 * part->n + c];
}
