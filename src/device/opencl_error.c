/* opencl_error.c - Errors of OpenCL as sentences; the first one stays. */
#include "device_impl.h"

#include <stdio.h>

static const char *Meaning(cl_int code)
{
  switch (code) {
  case CL_MEM_OBJECT_ALLOCATION_FAILURE:
  case CL_OUT_OF_RESOURCES:
  case CL_OUT_OF_HOST_MEMORY:
    return ": its memory is out, or it was lost";
  case CL_DEVICE_NOT_AVAILABLE:
    return ": it is not available";
  default:
    return "";
  }
}

int BrenierDeviceFail_Private(BrenierDevice *device, const char what[], cl_int code)
{
  if (!device->failure[0])
    (void)snprintf(device->failure, sizeof device->failure, "device %s: %s failed with OpenCL's code %d%s",
                   device->name, what, code, Meaning(code));
  return -1;
}
