/*
  device_scan.h - A scan whose products and tests run on a device: the contract of BrenierTileScan() (tile.h), for many
  tiles of targets and on threads.

  Curves are circles or points. They go to the device in parts, which take turns: while the device scans one part, the
  processor handles what it found for another. Targets stay on the device from one scan to the next; where they do not
  fit, they pass. Plain C; one thread calls, and threads of its own call the visitor.
*/
#pragma once

#include <brenier/tile.h>

#include <petscsys.h>

typedef struct BrenierDevice BrenierDevice;

/* Gets the targets that passed for one curve. Threads call it at once, for different curves, each with a context of its
   own. */
typedef void BrenierDeviceVisitor(void *context, size_t tile, size_t curve, const BrenierTileFound *found);

/* Tiles of targets that all curves are scanned with. */
typedef struct {
  size_t                           n_tiles;
  const BrenierTileTargets *const *tile;
  int                              n_threads;
  void *const                     *context; /* shape [n_threads] */
  BrenierDeviceVisitor            *visit;
} BrenierDeviceRound;

/* What a device has done so far. */
typedef struct {
  double bytes_to, bytes_from; /* over the bus */
  double products;             /* multiplications and additions of the first products, each counted */
  double seconds;              /* of kernels, by the device's clock */
  double product_seconds;      /* of the first products and tests alone */
} BrenierDeviceWork;

/* The device of a communicator's rank, NULL for none (device.h). Not collective. */
BrenierDevice *BrenierDeviceOf(MPI_Comm comm);

/* Opens device `rank` modulo their number, which `sharing` processes use; cpus: those of OpenCL that are processors
   count too. NULL: none, and why. Not collective. */
BrenierDevice *BrenierDeviceOpen(int rank, int sharing, int cpus, size_t length, char why[]);
void           BrenierDeviceClose(BrenierDevice *device);

/* Its name. */
const char *BrenierDeviceName(const BrenierDevice *device);

/* Limits the bytes of targets on the device, and the pairs that are brought back at once. For tests. */
void BrenierDeviceLimit(BrenierDevice *device, size_t bytes, size_t pairs);

/* Sends curves [0, n), which the caller keeps. The device scans these from then on. */
void BrenierDeviceBegin(BrenierDevice *device, const BrenierTileCurves *curves, size_t n);

/* Scans them. When the device fails, the processor goes on where it stopped, here and from then on. */
void BrenierDeviceScan(BrenierDevice *device, const BrenierDeviceRound *round);

/* What failed first, as a sentence; NULL: nothing. */
const char *BrenierDeviceFailure(const BrenierDevice *device);

/* Multiplications and additions of bytes in a second, each counted, on registers alone; 0: unknown. Some 10 ms. */
double BrenierDevicePeak(BrenierDevice *device);

BrenierDeviceWork BrenierDeviceWorkOf(const BrenierDevice *device);
