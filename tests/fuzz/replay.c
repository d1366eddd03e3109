/* replay.c - Gives every file of a folder to the fuzzer's function, once: argument 1 is the folder. */
#include <brenier/compat.h>

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1 << 17, LEAST_FILES = 20 };

int main(int argc, char **argv)
{
  static uint8_t data[LARGEST];
  DIR           *listing = argc > 1 ? opendir(argv[1]) : NULL;
  struct dirent *entry;
  int            n = 0;

  LLVMFuzzerInitialize(&argc, &argv);
  while (listing && (entry = readdir(listing))) {
    char   path[4096];
    FILE  *file;
    size_t size;

    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
    file = fopen(path, "rb");
    if (!file) abort();
    size = fread(data, 1, sizeof data, file);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    ++n;
  }
  if (listing) closedir(listing);
  printf("%d files\n", n);
  PetscPopErrorHandler(); // the one of LLVMFuzzerInitialize()
  PetscFinalize();
  return n < LEAST_FILES;
}
