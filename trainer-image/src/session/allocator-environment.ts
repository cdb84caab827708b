/**
 * Settings of glibc's allocator for a process that trains. By default memory of a tensor goes back to the kernel when
 * the tensor is freed, and each page of the next one is faulted in and cleared again: a sixth of a step's time.
 * One arena that keeps what it has needs no more memory at its peak.
 *
 * Read when a process starts, so whoever starts a stage sets them; other C libraries ignore them. Names and meaning:
 * mallopt(3). The numbers only say "never": more bytes than a machine has.
 */
export const ALLOCATOR_ENVIRONMENT = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '1000000000000',
  MALLOC_MMAP_THRESHOLD_: '1000000000000',
} as const
