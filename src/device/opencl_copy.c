/*
  opencl_copy.c - Buffers on a device, and the tiles of targets that it keeps.

  A copy has the packed words of tile.h, rows in single precision where products are in bytes, and four numbers of each
  target: its unit and margins. It stays while its tile does, and longer than a scan. Where the next one has no room,
  the one that was used longest ago goes, so targets that do not fit pass in blocks. Heights are sent once a round.
*/
#include "device_impl.h"
#include "kernel/pack.h"

static void Release(BrenierDeviceBuffer *buffer)
{
  if (buffer->memory) clReleaseMemObject(buffer->memory);
  *buffer = (BrenierDeviceBuffer){NULL, 0};
}

/* Takes a copy out of the list. */
static void Unlink(BrenierDeviceCopy *copy)
{
  BrenierDevice *device = copy->device;

  if (copy->before) copy->before->after = copy->after;
  else device->newest = copy->after;
  if (copy->after) copy->after->before = copy->before;
  else device->oldest = copy->before;
  copy->before = copy->after = NULL;
}

static void PutFirst(BrenierDeviceCopy *copy)
{
  BrenierDevice *device = copy->device;

  copy->after = device->newest;
  if (device->newest) device->newest->before = copy;
  device->newest = copy;
  if (!device->oldest) device->oldest = copy;
}

/* What the tile calls when it changes or goes: buffers that a kernel still reads live until it has ended. */
static void Drop(void *context)
{
  BrenierDeviceCopy *copy = context;

  copy->owner->copy = NULL;
  Unlink(copy);
  copy->device->bytes -= copy->bytes;
  Release(&copy->words);
  Release(&copy->rows);
  Release(&copy->numbers);
  Release(&copy->height);
  free(copy);
}

void BrenierDeviceCopiesFree_Private(BrenierDevice *device)
{
  while (device->newest) Drop(device->newest);
}

/* Drops copies that no part reads, the one used longest ago first, until there are at most `most` bytes of
   targets. Returns whether there was one. */
static int DropUnused(BrenierDevice *device, size_t most)
{
  BrenierDeviceCopy *copy    = device->oldest;
  int                dropped = 0;

  while (copy && device->bytes > most) {
    BrenierDeviceCopy *before = copy->before;

    if (copy->users == 0) {
      Drop(copy);
      dropped = 1;
    }
    copy = before;
  }
  return dropped;
}

static cl_mem Create(BrenierDevice *device, size_t bytes, cl_int *code)
{
  return clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes > 0 ? bytes : 1, NULL, code);
}

int BrenierDeviceReserve_Private(BrenierDevice *device, BrenierDeviceBuffer *buffer, size_t bytes)
{
  cl_int code;

  if (buffer->bytes >= bytes && buffer->memory) return 0;
  Release(buffer);
  buffer->memory = Create(device, bytes, &code);
  if (code == CL_MEM_OBJECT_ALLOCATION_FAILURE && DropUnused(device, 0))
    buffer->memory = Create(device, bytes, &code); // others may use the device, too
  if (code) {
    buffer->memory = NULL;
    return BrenierDeviceFail_Private(device, "clCreateBuffer", code);
  }
  buffer->bytes = bytes;
  return 0;
}

int BrenierDeviceSend_Private(BrenierDevice *device, cl_command_queue queue, BrenierDeviceBuffer *buffer, size_t bytes,
                              const void *from, int waits)
{
  cl_int code;

  if (BrenierDeviceReserve_Private(device, buffer, bytes)) return -1;
  if (bytes == 0) return 0;
  code = clEnqueueWriteBuffer(queue, buffer->memory, waits ? CL_TRUE : CL_FALSE, 0, bytes, from, 0, NULL, NULL);
  device->work.bytes_to += (double)bytes;
  return code ? BrenierDeviceFail_Private(device, "clEnqueueWriteBuffer", code) : 0;
}

/* Unit and margins of each target: shape [n_padded, 4]. */
static int SendNumbers(BrenierDevice *device, const BrenierTileTargets *t, size_t n_padded, BrenierDeviceCopy *copy)
{
  const int single = t->products == BRENIER_PRODUCTS_SINGLE;
  float    *number = malloc(4 * n_padded * sizeof *number);
  int       failed;

  if (!number) return BrenierDeviceFail_Private(device, "malloc", CL_OUT_OF_HOST_MEMORY);
  for (size_t i = 0; i < n_padded; ++i) {
    number[4 * i]     = single ? 1.0f : t->y_scale[i];
    number[4 * i + 1] = single ? 0.0f : t->first_margin[i];
    number[4 * i + 2] = single ? 0.0f : t->length[i];
    number[4 * i + 3] = t->margin[i];
  }
  failed =
      BrenierDeviceSend_Private(device, device->transfer, &copy->numbers, 4 * n_padded * sizeof *number, number, 1);
  free(number);
  return failed;
}

/* Sends all of a tile but its heights. */
static int Send(BrenierDevice *device, const BrenierTileTargets *t, BrenierDeviceCopy *copy)
{
  const size_t n_padded = PackRoundUp(t->n, BRENIER_TILE_WIDTH);
  const int    single   = t->products == BRENIER_PRODUCTS_SINGLE;
  const size_t words    = n_padded * (single ? t->dim * sizeof(float) : PackDim(t->products, t->dim));
  const size_t rows     = single ? 0 : t->n * PackRowWidth(t->dim) * sizeof(float);
  const void  *from     = single ? (const void *)t->y : t->y_bytes;

  copy->bytes = words + rows + n_padded * 5 * sizeof(float);
  (void)DropUnused(device, device->limit > copy->bytes ? device->limit - copy->bytes : 0);
  device->bytes += copy->bytes;
  return BrenierDeviceSend_Private(device, device->transfer, &copy->words, words, from, 1) ||
                 BrenierDeviceSend_Private(device, device->transfer, &copy->rows, rows, t->y, 1) ||
                 SendNumbers(device, t, n_padded, copy)
             ? -1
             : 0;
}

int BrenierDeviceCopyOf_Private(BrenierDevice *device, BrenierTileTargets *t, BrenierDeviceCopy **found)
{
  BrenierDeviceCopy *copy = t->copy;
  int                failed;

  if (copy) Unlink(copy);
  else {
    copy = calloc(1, sizeof *copy);
    if (!copy) return BrenierDeviceFail_Private(device, "calloc", CL_OUT_OF_HOST_MEMORY);
    copy->device = device;
    copy->owner  = t;
    t->copy      = copy;
    t->drop      = Drop;
    if (Send(device, t, copy)) {
      PutFirst(copy); // freed with the others
      return -1;
    }
  }
  PutFirst(copy);
  *found = copy;
  if (copy->round == device->round) return 0;
  copy->round = device->round;
  ++copy->users; // it must not make room for itself
  failed = BrenierDeviceSend_Private(device, device->transfer, &copy->height,
                                     PackRoundUp(t->n, BRENIER_TILE_WIDTH) * sizeof(float), t->height, 1);
  --copy->users;
  return failed;
}
