// Reads rules and writes the program that libseccomp makes of them, for comparison.
// "default ACTION", then lines "ACTION NAME COUNT (INDEX OP A B)...": actions are return values, OP is
// libseccomp's number of a comparison.
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>

int main(void) {
  uint32_t action;
  if (scanf("default %" SCNu32, &action) != 1) return 2;
  scmp_filter_ctx ctx = seccomp_init(action);
  if (!ctx) return 3;
  char name[64];
  unsigned count;
  while (scanf("%" SCNu32 " %63s %u", &action, name, &count) == 3) {
    struct scmp_arg_cmp args[6];
    for (unsigned i = 0; i < count; i++) {
      unsigned op;
      if (scanf("%u %u %" SCNu64 " %" SCNu64, &args[i].arg, &op, &args[i].datum_a, &args[i].datum_b) != 4) return 4;
      args[i].op = (enum scmp_compare)op;
    }
    int nr = seccomp_syscall_resolve_name(name);
    if (nr == __NR_SCMP_ERROR) return 5;
    if (seccomp_rule_add_array(ctx, action, nr, count, args)) return 6;
  }
  return seccomp_export_bpf(ctx, 1) ? 7 : 0;
}
