/* opencl_peak.c - How many multiplications and additions of bytes a device does on registers alone, in a second. */
#include "device_impl.h"

/* Of the kernel peak of scan.cl: work items of a group, chains of an item, operations of a step of a chain. */
enum { GROUP = 128, CHAINS = 16, OPERATIONS = 2 * BRENIER_QUAD };

/* Runs it; returns the seconds, or 0 for a failure. */
static double Time(BrenierDevice *device, cl_kernel kernel, cl_mem out, size_t n, cl_int rounds)
{
  const size_t group = GROUP;
  cl_event     event;
  cl_ulong     begin = 0, end = 0;

  if (clSetKernelArg(kernel, 0, sizeof rounds, &rounds) || clSetKernelArg(kernel, 1, sizeof(cl_mem), &out) ||
      clEnqueueNDRangeKernel(*device->queue, kernel, 1, NULL, &n, &group, 0, NULL, &event))
    return 0.0;
  (void)clWaitForEvents(1, &event);
  (void)clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof begin, &begin, NULL);
  (void)clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
  clReleaseEvent(event);
  return 1e-9 * (double)(end - begin);
}

double BrenierDevicePeak(BrenierDevice *device)
{
  const double          enough = 5e-3; // seconds that the clock measures well
  BrenierDeviceProgram *program;
  cl_uint               n_units = 1;
  size_t                n;
  cl_mem                out;
  cl_kernel             kernel;
  cl_int                code, rounds = 16;
  double                seconds = 0.0;

  if (device->failure[0] || BrenierDeviceProgram_Private(device, BRENIER_TILE_CIRCLE, BRENIER_PRODUCTS_BYTES, &program))
    return 0.0;
  (void)clGetDeviceInfo(device->id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof n_units, &n_units, NULL);
  n      = (size_t)n_units * GROUP * CHAINS;
  kernel = clCreateKernel(program->program, "peak", &code);
  if (code) return 0.0;
  out = clCreateBuffer(device->context, CL_MEM_READ_WRITE, n * sizeof(cl_int), NULL, &code);
  for (; !code && rounds < 1 << 24; rounds *= 4) {
    seconds = Time(device, kernel, out, n, rounds);
    if (seconds == 0.0 || seconds > enough) break;
  }
  if (!code) clReleaseMemObject(out);
  clReleaseKernel(kernel);
  return seconds > 0.0 ? (double)OPERATIONS * CHAINS * (double)n * rounds / seconds : 0.0;
}
