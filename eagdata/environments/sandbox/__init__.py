"""Isolation and the fork server under the `python` environment. Linux only; verdict: holds against programs that a model writes,
hostile ones included, in `namespaces` and `landlock`; `process` holds against clumsy ones. It is no virtual machine: a flaw in the
kernel is a way out.

    supervisor  (host process, asyncio)         supervisor.py process.py gate.py probe.py
      zygote    (warm interpreter, one a box)   zygote.py namespaces.py
        guard   (pid 1 of one task's tree; in `namespaces` only)
          program -- fork --> program ...       child.py interpreter.py folder.py landlock.py seccomp.py

The ladder: `namespaces` where the kernel lets users make user namespaces, which needs neither root nor Docker; `landlock` where it does
not, as in a container of Docker's default profile (Linux 6.2); `process` only where a run says that it trusts its programs. The first
that passes its self-test is used (`probe.py`, shown by `eagdata doctor`); below `min_isolation` a run refuses. Off Linux there is none.
Attacked in test_ladder.py, with the calls forbidden that a container forbids.

Covered, in the tiers named (N `namespaces`, L `landlock`, P `process`), each by the attacks whose numbers or names follow (programs of
`tests/hostile`, tests of `tests/environments`):

- reading files beyond the interpreter's libraries and the box (N, L) [15-17 65 67 81-83]
- writing anywhere but in the box; modes, owners, times and flags of files out of it; leases on them, watches (N, L)
  [58 61-65 67 ab b3 cd ce]
- the host's environment variables, from its own memory or /proc (N, L) [16 18 19]
- any network, TCP or UDP, loopback and abstract sockets too (N, L) [20-23]
- starting a process or another program; a fork bomb; the host's helper for crashes (N, L) [01 52 53 56 aa b6]
- signals to, and memory of, the host's processes, other episodes, other branches of the same tree (N, L) [18 24-27 80 b0 c4]
- new name spaces, mounts, tracing, kernel keys, io_uring, BPF, the 32-bit and x32 call tables (N, L)
  [26 54 55 57 91 93-95 a8 ab c7 cb]
- a program that never ends, eats memory, writes without end, crashes, or leaves threads or timers behind (N, L, P)
  [02-14 38-51 66 68-79 84-90 92 96-a7 b1 b2 b4 b7 b8 b9 c2]
- forged answers: one that breaks the protocol ends the program that sent it; none reaches another program (N, L)
  [28-37 71 83 a9 b5 b7 c0 c1 c3 c5 c6 c9 ca cc]
- the time of the host process, its open files, what the kernel counts for each user: taken without end (N, L) [30 31 38 ac c9 cf]
- a folder filled with data or with files (N), in L and P one file only is limited [59 60 c8 cb]
- files of one branch seen or changed by another by their usual paths (N, L, P)
  [test_files_are_each_forks_own test_open_files_keep_their_place_and_write_to_their_own_copy]
- anything surviving the episode, or the death of the host process by any signal (N, L)
  [52 test_nothing_survives_the_death_of_the_harness test_nothing_is_left_after_the_end]
- what a command and all that it starts take together in memory and processes, and do to the harness, other branches and judges (N),
  by the 47 programs of `tests/hostile/shell` too
  [test_no_process_lives_between_two_actions test_every_wall_of_the_box_is_found_standing_by_the_self_test
  test_nothing_that_a_branch_leaves_moves_the_judge test_no_command_outlives_the_death_of_the_host_process]

Not covered:

- a program that lies about itself: it owns its process and can forge its own observation. Verify in another process.
- flaws of the kernel and of the processor; time side channels; how busy the machine is
- memory of a whole tree: the limit is for each process (no cgroups), and output and box live in memory too (N); what the kernel keeps
  for a process beyond it: queues of its 256 open files, about 0.2 GB
- locks (flock) on library files that a program may read; they end with it
- in L: the folders of other branches of the same episode, for a program that looks for them; that files of the host exist, their sizes
  and times; names and number of the host's processes and its name; files that anybody may read below the library folders. chmod, chown
  and utime do nothing there, in the box neither. The uid is root's, without any capability, where root runs it and others cannot
  read the interpreter.
- memory that a program shares on purpose stays shared with its branches where that cannot be seen (raw mmap through ctypes)
- results that depend on addresses, time, pids, `os.urandom`, or on threads; a replay finds most of them
- P: nothing but the clock, the memory limit and the file size stands between a program and the user's files
"""
