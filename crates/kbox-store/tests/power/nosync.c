// SPDX-License-Identifier: Apache-2.0 OR MIT
// Preloaded into the guest of a control: a program that believes it syncs. Its power cuts must lose something.
int fsync(int fd) { (void)fd; return 0; }
int fdatasync(int fd) { (void)fd; return 0; }
int sync_file_range(int fd, long long from, long long bytes, unsigned flags) {
    (void)fd, (void)from, (void)bytes, (void)flags;
    return 0;
}
