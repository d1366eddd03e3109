/* none.c - In place of a device where Brenier is built without OpenCL: there is none. */
#include "device_scan.h"

#include <stdio.h>

BrenierDevice *BrenierDeviceOpen(int rank, int sharing, int cpus, size_t length, char why[])
{
  (void)rank, (void)sharing, (void)cpus;
  (void)snprintf(why, length, "this Brenier was built without OpenCL (see docs/howto/gpu.md)");
  return NULL;
}

void BrenierDeviceClose(BrenierDevice *device)
{
  (void)device;
}

const char *BrenierDeviceName(const BrenierDevice *device)
{
  (void)device;
  return "none";
}

void BrenierDeviceLimit(BrenierDevice *device, size_t bytes, size_t pairs)
{
  (void)device, (void)bytes, (void)pairs;
}

void BrenierDeviceBegin(BrenierDevice *device, const BrenierTileCurves *curves, size_t n)
{
  (void)device, (void)curves, (void)n;
}

void BrenierDeviceScan(BrenierDevice *device, const BrenierDeviceRound *round)
{
  (void)device, (void)round;
}

const char *BrenierDeviceFailure(const BrenierDevice *device)
{
  (void)device;
  return NULL;
}

double BrenierDevicePeak(BrenierDevice *device)
{
  (void)device;
  return 0.0;
}

BrenierDeviceWork BrenierDeviceWorkOf(const BrenierDevice *device)
{
  (void)device;
  return (BrenierDeviceWork){0};
}
