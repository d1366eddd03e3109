/* job_end.c - The end of a Slurm job, from its environment. */
#define _POSIX_C_SOURCE 200809L
#include "job_end.h"

#include <brenier/compat.h>

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

/* The end of a job that is so long past is another job's; beyond the second, no job has one. Seconds. */
static const double brenier_long_past = 600.0, brenier_far_ahead = 1e9;

static const char brenier_job_end[] = "SLURM_JOB_END_TIME";

/* The time that a date as Slurm prints it means, 2026-11-29T12:00:00 in local time; -1 when it is none. */
static double TimeOfDate(const char text[])
{
  struct tm when = {.tm_isdst = -1};
  int       end  = 0;

  if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &when.tm_year, &when.tm_mon, &when.tm_mday, &when.tm_hour, &when.tm_min,
             &when.tm_sec, &end) != 6 ||
      text[end])
    return -1.0;
  when.tm_year -= 1900;
  when.tm_mon -= 1;
  return (double)mktime(&when);
}

/* Whether Slurm's words say that a job has no end. */
static PetscBool IsEndless(const char text[])
{
  static const char *const words[] = {"", "UNLIMITED", "INFINITE", "NONE", "N/A", "UNKNOWN", "0"};

  for (size_t i = 0; i < sizeof words / sizeof words[0]; ++i)
    if (!strcasecmp(text, words[i])) return PETSC_TRUE;
  return PETSC_FALSE;
}

double BrenierSecondsOfJob_Private(size_t length, char sentence[])
{
  const char *text = getenv(brenier_job_end);
  char       *end;
  double      when, left;

  sentence[0] = '\0';
  if (!text || IsEndless(text)) return -1.0;
  when = (double)strtoll(text, &end, 10);
  if (end == text || *end) when = TimeOfDate(text);
  left = when - (double)time(NULL);
  if (when <= 0.0)
    snprintf(sentence, length, "notice: %s is '%.40s', which is no time; it is ignored", brenier_job_end, text);
  else if (left < -brenier_long_past)
    snprintf(sentence, length,
             "notice: %s is '%.40s', %.1f hours ago: it is taken for that of another job, and ignored; unset it",
             brenier_job_end, text, -left / 3600.0);
  else if (left < brenier_far_ahead) return PetscMax(left, 0.0);
  return -1.0;
}
