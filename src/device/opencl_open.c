/* opencl_open.c - Finding a device by OpenCL, building the kernels of scan.cl for it, and closing it. */
#include "device_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char brenier_scan_cl[]; /* the text of scan.cl, made by the build */

/* Of the device's memory, in percent: what targets may take of it. The rest is for curves, lists and the driver. */
enum { BRENIER_DEVICE_MEMORY_PERCENT = 70 };

/* Pairs that come back at once: 3 MiB. */
enum { BRENIER_DEVICE_PAIRS = 1 << 18 };

/* All devices of some types on all platforms, up to `most`. */
static cl_uint FindDevices(cl_device_type type, cl_uint most, cl_device_id id[])
{
  enum { PLATFORMS = 16 };
  cl_platform_id platform[PLATFORMS];
  cl_uint        n_platforms = 0, n = 0, here;

  if (clGetPlatformIDs(PLATFORMS, platform, &n_platforms)) return 0;
  for (cl_uint p = 0; p < n_platforms && p < PLATFORMS && n < most; ++p)
    if (clGetDeviceIDs(platform[p], type, most - n, id + n, &here) == CL_SUCCESS)
      n += here < most - n ? here : most - n;
  return n;
}

/* The device of a rank: accelerators count first. */
static int Choose(BrenierDevice *device, int rank, int cpus, int *n_devices)
{
  enum { MOST = 64 };
  cl_device_id id[MOST];
  cl_uint      n_platforms = 0, n;

  n = FindDevices(CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR, MOST, id);
  if (n == 0 && cpus) n = FindDevices(CL_DEVICE_TYPE_CPU, MOST, id);
  *n_devices = (int)n;
  if (n > 0) {
    device->id = id[(cl_uint)rank % n];
    return clGetDeviceInfo(device->id, CL_DEVICE_NAME, sizeof device->name, device->name, NULL);
  }
  if (clGetPlatformIDs(0, NULL, &n_platforms) || n_platforms == 0)
    (void)snprintf(device->failure, sizeof device->failure, "OpenCL finds no platform: install the driver of a device");
  else
    (void)snprintf(device->failure, sizeof device->failure,
                   "OpenCL finds %u platform%s, but no device: see `clinfo -l`", n_platforms,
                   n_platforms == 1 ? "" : "s");
  return -1;
}

static int CreateQueues(BrenierDevice *device)
{
  cl_int code;

  device->context = clCreateContext(NULL, 1, &device->id, NULL, NULL, &code);
  if (code) return BrenierDeviceFail_Private(device, "clCreateContext", code);
  for (int q = 0; q < BRENIER_DEVICE_QUEUES; ++q) {
    device->queue[q] = clCreateCommandQueue(device->context, device->id, CL_QUEUE_PROFILING_ENABLE, &code);
    if (code) return BrenierDeviceFail_Private(device, "clCreateCommandQueue", code);
  }
  device->transfer = clCreateCommandQueue(device->context, device->id, 0, &code);
  return code ? BrenierDeviceFail_Private(device, "clCreateCommandQueue", code) : 0;
}

/* Says the first line of what the compiler said. */
static int FailBuild(BrenierDevice *device, cl_program program, cl_int code)
{
  char   log[512] = "";
  size_t n;

  // A longer log is refused as a whole
  if (clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n) == CL_SUCCESS && n > 0) {
    char *all = calloc(n + 1, 1);

    if (all && clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, n, all, NULL) == CL_SUCCESS)
      (void)snprintf(log, sizeof log, "%s", all);
    free(all);
  }
  log[strcspn(log, "\r\n")] = '\0';
  if (!device->failure[0])
    (void)snprintf(device->failure, sizeof device->failure,
                   "device %s: its compiler refuses the kernels with OpenCL's code %d: %s", device->name, code,
                   log[0] ? log : "it does not say why");
  return -1;
}

/* Whether an extension is there. */
static int Has(const BrenierDevice *device, const char extension[])
{
  char   all[16384] = "";
  size_t n          = 0;

  if (clGetDeviceInfo(device->id, CL_DEVICE_EXTENSIONS, 0, NULL, &n) || n >= sizeof all) return 0;
  if (clGetDeviceInfo(device->id, CL_DEVICE_EXTENSIONS, sizeof all - 1, all, NULL)) return 0;
  return strstr(all, extension) != NULL;
}

static int Compile(BrenierDevice *device, BrenierTileKind kind, int in_bytes, int by_ptx, cl_program *program)
{
  const char *text     = brenier_scan_cl;
  const char *standard = Has(device, "cl_khr_integer_dot_product") ? "CL3.0" : "CL1.2";
  char        options[512];
  cl_int      code;

  *program = clCreateProgramWithSource(device->context, 1, &text, NULL, &code);
  if (code) return BrenierDeviceFail_Private(device, "clCreateProgramWithSource", code);
  (void)snprintf(options, sizeof options,
                 "-cl-std=%s -DROWS=%d -DWIDTH=%d -DSECTORS=%d -DDIRECTIONS=%d -DDIRECTION_SCALE=%.9ff "
                 "-DQUARTER_TURN=%d.0f -DVECTORS=%d -DIN_BYTES=%d%s",
                 standard, BRENIER_TILE_ROWS, BRENIER_TILE_WIDTH, BRENIER_SECTORS, BRENIER_DIRECTIONS,
                 (double)brenier_direction_scale, BRENIER_QUARTER_TURN, kind == BRENIER_TILE_CIRCLE ? 2 : 1, in_bytes,
                 by_ptx ? " -DDOT_PTX" : "");
  return clBuildProgram(*program, 1, &device->id, options, NULL, NULL);
}

int BrenierDeviceProgram_Private(BrenierDevice *device, BrenierTileKind kind, BrenierTileProducts products,
                                 BrenierDeviceProgram **program)
{
  const int             in_bytes = products == BRENIER_PRODUCTS_BYTES;
  BrenierDeviceProgram *p        = &device->program[2 * (kind == BRENIER_TILE_CIRCLE) + in_bytes];
  cl_program            built    = NULL;
  cl_int                code     = -1;

  *program = p;
  if (p->program) return 0;
  // A compiler that is NVIDIA's may take instructions of its own; every other refuses them, or is not asked
  if (in_bytes && Has(device, "cl_nv_")) {
    code = Compile(device, kind, in_bytes, 1, &built);
    if (code && built) clReleaseProgram(built);
  }
  if (code) code = Compile(device, kind, in_bytes, 0, &built);
  if (code) {
    FailBuild(device, built, code);
    if (built) clReleaseProgram(built);
    return -1;
  }
  p->program    = built;
  p->first_test = clCreateKernel(built, "first_test", &code);
  if (!code) p->again = clCreateKernel(built, "again", &code);
  if (!code) p->collect = clCreateKernel(built, "collect", &code);
  return code ? BrenierDeviceFail_Private(device, "clCreateKernel", code) : 0;
}

BrenierDevice *BrenierDeviceOpen(int rank, int sharing, int cpus, size_t length, char why[])
{
  BrenierDevice        *device = calloc(1, sizeof *device);
  BrenierDeviceProgram *program;
  cl_ulong              bytes     = 0;
  int                   n_devices = 0;

  why[0] = '\0';
  if (!device) {
    (void)snprintf(why, length, "no memory for a device");
    return NULL;
  }
  // What most runs need is built at once, so that a compiler's refusal comes before the work
  if (Choose(device, rank, cpus, &n_devices) || CreateQueues(device) ||
      BrenierDeviceProgram_Private(device, BRENIER_TILE_CIRCLE, BRENIER_PRODUCTS_BYTES, &program)) {
    (void)snprintf(why, length, "%s", device->failure[0] ? device->failure : "OpenCL does not know its device");
    BrenierDeviceClose(device);
    return NULL;
  }
  (void)clGetDeviceInfo(device->id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof bytes, &bytes, NULL);
  sharing       = (sharing + n_devices - 1) / n_devices;
  device->limit = (size_t)bytes / 100 * BRENIER_DEVICE_MEMORY_PERCENT / (size_t)(sharing > 0 ? sharing : 1);
  device->pairs = BRENIER_DEVICE_PAIRS;
  return device;
}

static void ReleaseProgram(BrenierDeviceProgram *p)
{
  if (p->first_test) clReleaseKernel(p->first_test);
  if (p->again) clReleaseKernel(p->again);
  if (p->collect) clReleaseKernel(p->collect);
  if (p->program) clReleaseProgram(p->program);
}

void BrenierDeviceClose(BrenierDevice *device)
{
  if (!device) return;
  for (int q = 0; q < BRENIER_DEVICE_QUEUES; ++q)
    if (device->queue[q]) (void)clFinish(device->queue[q]);
  BrenierDeviceCopiesFree_Private(device);
  for (size_t p = 0; p < device->n_parts; ++p) BrenierDevicePartFree_Private(&device->part[p]);
  free(device->part);
  for (size_t t = 0; t < device->n_scratch; ++t) {
    free(device->scratch[t].target);
    free(device->scratch[t].a);
  }
  free(device->scratch);
  for (int k = 0; k < BRENIER_DEVICE_PROGRAMS; ++k) ReleaseProgram(&device->program[k]);
  for (int q = 0; q < BRENIER_DEVICE_QUEUES; ++q)
    if (device->queue[q]) clReleaseCommandQueue(device->queue[q]);
  if (device->transfer) clReleaseCommandQueue(device->transfer);
  if (device->context) clReleaseContext(device->context);
  free(device);
}

const char *BrenierDeviceName(const BrenierDevice *device)
{
  return device->name;
}

const char *BrenierDeviceFailure(const BrenierDevice *device)
{
  return device->failure[0] ? device->failure : NULL;
}

BrenierDeviceWork BrenierDeviceWorkOf(const BrenierDevice *device)
{
  return device->work;
}

void BrenierDeviceLimit(BrenierDevice *device, size_t bytes, size_t pairs)
{
  device->limit = bytes;
  device->pairs = pairs < BRENIER_DEVICE_RANGE ? BRENIER_DEVICE_RANGE : pairs; // those of a curve come together
}
