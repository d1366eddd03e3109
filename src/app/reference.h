/* reference.h - The tables of options and records as parts of the documentation; tools/reference puts them where they
   belong. */
#pragma once

#include "command.h"

/* Prints the part of that name: "commands" and "iteration", "held_out" in Markdown, "man" for troff. False when there
   is none. Not collective. */
PetscBool BrenierReference(const char part[]);
