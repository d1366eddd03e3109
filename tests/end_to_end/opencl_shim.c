/*
  opencl_shim.c - Put before OpenCL's library: makes calls fail that a test names, and calls a processor a GPU.

  BRENIER_SHIM has words: `gpu` (a search for GPUs finds processors), `dot` (a compiler with products of bytes as by
  cl_khr_integer_dot_product, and no type char4 for any other way), `build`, `buffer`, `kernel=N` and `wait=N` (from the
  N-th argument of a kernel, or wait for one, on: as when a device is lost).
*/
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static const char *Word(const char name[])
{
  const char *words = getenv("BRENIER_SHIM");

  return words ? strstr(words, name) : NULL;
}

/* The library by its name: MPI's hwloc loads it for itself, and what it loads is not next. */
#define NEXT(name) ((__typeof__(&name))dlsym(dlopen("libOpenCL.so.1", RTLD_LAZY), #name))

cl_int clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint n, cl_device_id *id, cl_uint *found)
{
  return NEXT(clGetDeviceIDs)(platform, Word("gpu") ? CL_DEVICE_TYPE_CPU : type, n, id, found);
}

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info what, size_t size, void *value, size_t *needed)
{
  static const char added[] = " cl_khr_integer_dot_product";
  const cl_int      code    = NEXT(clGetDeviceInfo)(device, what, size, value, needed);

  if (code || what != CL_DEVICE_EXTENSIONS || !Word("dot")) return code;
  if (needed) *needed += sizeof added;
  if (value && strlen(value) + sizeof added <= size) strcat(value, added);
  return code;
}

cl_program clCreateProgramWithSource(cl_context context, cl_uint n, const char **text, const size_t *length,
                                     cl_int *code)
{
  static const char dot[]  = "#define __opencl_c_integer_dot_product_input_4x8bit_packed 1\n"
                             "inline int Dot(uint y, uint z)\n"
                             "{\n"
                             "  const char4 a = as_char4(y), b = as_char4(z);\n"
                             "  return (int)a.x * b.x + (int)a.y * b.y + (int)a.z * b.z + (int)a.w * b.w;\n"
                             "}\n"
                             "#define dot_4x8packed_ss_int Dot\n"
                             "#define char4 no_type\n";
  const char       *both[] = {dot, *text};

  if (!Word("dot")) return NEXT(clCreateProgramWithSource)(context, n, text, length, code);
  return NEXT(clCreateProgramWithSource)(context, 2, both, NULL, code);
}

cl_int clBuildProgram(cl_program program, cl_uint n, const cl_device_id *id, const char *options,
                      void(CL_CALLBACK *notify)(cl_program, void *), void *context)
{
  return NEXT(clBuildProgram)(program, n, id, Word("build") ? "-DROWS=%" : options, notify, context);
}

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *code)
{
  if (!Word("buffer")) return NEXT(clCreateBuffer)(context, flags, size, host, code);
  *code = CL_MEM_OBJECT_ALLOCATION_FAILURE;
  return NULL;
}

/* Whether a call counts among those that fail. */
static int Fails(const char name[], int *calls)
{
  const char *word = Word(name);

  return word && ++*calls >= atoi(word + strlen(name));
}

cl_int clSetKernelArg(cl_kernel kernel, cl_uint at, size_t size, const void *value)
{
  static int calls;

  return Fails("kernel=", &calls) ? CL_OUT_OF_RESOURCES : NEXT(clSetKernelArg)(kernel, at, size, value);
}

cl_int clWaitForEvents(cl_uint n, const cl_event *event)
{
  static int calls;

  return Fails("wait=", &calls) ? CL_OUT_OF_RESOURCES : NEXT(clWaitForEvents)(n, event);
}
