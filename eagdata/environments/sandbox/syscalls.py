"""Linux system call numbers as `name:x86_64:aarch64` (`-` where an architecture lacks the call), in lists.

Source: Linux uapi `asm/unistd_64.h` (x86_64) and `asm-generic/unistd.h` (aarch64).
"""

from __future__ import annotations

import platform

MACHINE = platform.machine()
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}.get(MACHINE, 0)
"""What seccomp calls this architecture; 0 where the tables below do not hold."""

_ALLOWED = """
read:0:63 write:1:64 open:2:- close:3:57 stat:4:- fstat:5:80 lstat:6:- poll:7:- lseek:8:62 mmap:9:222 mprotect:10:226 munmap:11:215
brk:12:214 rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139 pread64:17:67 pwrite64:18:68 readv:19:65
writev:20:66 access:21:- pipe:22:- select:23:- sched_yield:24:124 mremap:25:216 msync:26:227 mincore:27:232 madvise:28:233 dup:32:23
dup2:33:- pause:34:- nanosleep:35:101 getitimer:36:102 alarm:37:- setitimer:38:103 getpid:39:172 sendfile:40:71 sendto:44:206
recvfrom:45:207 sendmsg:46:211 recvmsg:47:212 shutdown:48:210 getsockname:51:204 getpeername:52:205 getsockopt:55:209 setsockopt:54:208
exit:60:93 exit_group:231:94 wait4:61:260 waitid:247:95 uname:63:160 flock:73:32 fsync:74:82 fdatasync:75:83 truncate:76:45
ftruncate:77:46 getdents:78:- getdents64:217:61 getcwd:79:17 chdir:80:49 fchdir:81:50 rename:82:- mkdir:83:- rmdir:84:- creat:85:-
link:86:- unlink:87:- symlink:88:- readlink:89:- chmod:90:- fchmod:91:52 chown:92:- fchown:93:55 lchown:94:- umask:95:166
gettimeofday:96:169 getrlimit:97:163 getrusage:98:165 sysinfo:99:179 times:100:153 getuid:102:174 getgid:104:176
geteuid:107:175 getegid:108:177 getppid:110:173 getpgrp:111:- getgroups:115:158 getresuid:118:148 getresgid:120:150 getpgid:121:155
getsid:124:156 capget:125:90 capset:126:91 rt_sigpending:127:136 rt_sigtimedwait:128:137 rt_sigsuspend:130:133 sigaltstack:131:132
utime:132:- utimes:235:- mknod:133:- statfs:137:43 fstatfs:138:44 getpriority:140:141 sched_getparam:143:121 sched_getscheduler:145:120
sched_get_priority_max:146:125 sched_get_priority_min:147:126 sched_rr_get_interval:148:127 mlock:149:228 munlock:150:229 prctl:157:167
arch_prctl:158:- gettid:186:178 readahead:187:213 futex:202:98 sched_getaffinity:204:123 set_tid_address:218:96 fadvise64:221:223
timer_create:222:107 timer_settime:223:110 timer_gettime:224:108 timer_getoverrun:225:109 timer_delete:226:111 clock_gettime:228:113
clock_getres:229:114 clock_nanosleep:230:115 epoll_create:213:- epoll_create1:291:20 epoll_ctl:233:21 epoll_wait:232:-
epoll_pwait:281:22 epoll_pwait2:441:441 set_robust_list:273:99 utimensat:280:88 futimesat:261:- openat:257:56 openat2:437:437
mkdirat:258:34 mknodat:259:33 fchownat:260:54 newfstatat:262:79 unlinkat:263:35 renameat:264:38 renameat2:316:276 linkat:265:37
symlinkat:266:36 readlinkat:267:78 fchmodat:268:53 fchmodat2:452:452 faccessat:269:48 faccessat2:439:439 pselect6:270:72 ppoll:271:73
splice:275:76 tee:276:77 copy_file_range:326:285 getrandom:318:278 membarrier:324:283 preadv:295:69 pwritev:296:70
preadv2:327:286 pwritev2:328:287 statx:332:291 rseq:334:293 close_range:436:436 futex_waitv:449:449 eventfd:284:- eventfd2:290:19
signalfd:282:- signalfd4:289:74 timerfd_create:283:85 timerfd_settime:286:86 timerfd_gettime:287:87 dup3:292:24 pipe2:293:59
fallocate:285:47 getcpu:309:168
sync_file_range:277:84 getxattr:191:8 lgetxattr:192:9 fgetxattr:193:10 listxattr:194:11
llistxattr:195:12 flistxattr:196:13 restart_syscall:219:128
"""
"""What ordinary numeric and text programs call on files, memory, time and their own threads."""

_REFUSED = """
execve:59:221 execveat:322:281 fork:57:- vfork:58:- tkill:200:130 rt_sigqueueinfo:129:138 rt_tgsigqueueinfo:297:240 pidfd_open:434:434
pidfd_send_signal:424:424 pidfd_getfd:438:438 ptrace:101:117 process_vm_readv:310:270 process_vm_writev:311:271 setsid:112:157
setpgid:109:154 setns:308:268 chroot:161:51 umount2:166:39 pivot_root:155:41 setuid:105:146 setgid:106:144 setreuid:113:145
setregid:114:143 setresuid:117:147 setresgid:119:149 setgroups:116:159
"""
"""Refused with EPERM, so that a program sees a refusal and not a missing feature: new programs, other processes, identities."""

_COMMANDS = """
execve:59:221 execveat:322:281 fork:57:- vfork:58:- kill:62:129 tkill:200:130 tgkill:234:131 rt_sigqueueinfo:129:138
rt_tgsigqueueinfo:297:240 setsid:112:157 setpgid:109:154
"""
"""Allowed to commands alone: each runs in a pid namespace of its own, where nobody else can be seen or signalled."""

_SPECIAL = """
clone:56:220 fcntl:72:25 ioctl:16:29 kill:62:129 tgkill:234:131 unshare:272:97 mount:165:40 socket:41:198 socketpair:53:199
prlimit64:302:261 setrlimit:160:164 seccomp:317:277 personality:135:92 mount_setattr:442:442
landlock_create_ruleset:444:444 landlock_add_rule:445:445 landlock_restrict_self:446:446
"""
"""Judged by their arguments or by the supervisor, or used only while a box is being built."""


def _column(table: str) -> dict[str, int]:
    at = 2 if MACHINE == "aarch64" else 1
    rows = (row.split(":") for row in table.split())
    return {row[0]: int(row[at]) for row in rows if row[at] != "-"}


ALLOWED = _column(_ALLOWED)
REFUSED = _column(_REFUSED)
COMMANDS = _column(_COMMANDS)
NUMBERS = ALLOWED | REFUSED | _column(_SPECIAL)
