/* reference.h - The tables of options and records as parts of the documentation; tools/reference puts them where they
   belong. */
#pragma once

#include "command.h"

/* Prints the part of that name: "commands", "exit_codes", "iteration", "held_out" and "held_out_names" in Markdown,
   "man" and "man-COMMAND" for troff, "names" of the commands as plain text. False when there is none. Not collective.
   */
PetscBool BrenierReference(const char part[]);
