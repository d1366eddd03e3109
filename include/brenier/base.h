/* base.h - The layer that every other one stands on, in one include. */
#pragma once

#include <brenier/compat.h>
#include <brenier/context.h>
#include <brenier/error.h>
#include <brenier/log.h>
#include <brenier/print.h>
#include <brenier/random.h>
#include <brenier/stop.h>
#include <brenier/sum.h>
#include <brenier/version.h>
