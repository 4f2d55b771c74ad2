"""Files, network, processes, signals and the kernel's back doors."""

from attack import ends, killed, stopped

ATTACKS = (
    # files
    stopped("read_passwd", "must_fail(os.open, '/etc/passwd', os.O_RDONLY)"),
    stopped("read_own_interpreter", "must_fail(os.open, os.__file__, os.O_RDONLY)"),
    stopped("read_with_io", "must_fail(sys.modules['io'].open, '/etc/hostname')"),
    stopped("read_with_linecache", "lines = sys.modules['linecache'].getlines(os.__file__)\n"
            "if lines: raise Breach(lines[0])"),
    stopped("list_root", "must_fail(os.listdir, '/')"),
    stopped("stat_root", "must_fail(os.stat, '/')"),
    stopped("write_temporary", "must_fail(os.open, '/tmp/x', os.O_CREAT | os.O_WRONLY)"),
    stopped("write_relative", "must_fail(os.open, 'x', os.O_CREAT | os.O_WRONLY)"),
    stopped("make_folder", "must_fail(os.mkdir, '/tmp/attack')"),
    stopped("unlink", "must_fail(os.unlink, os.__file__)"),
    stopped("symlink", "must_fail(os.symlink, '/', '/tmp/root')"),
    stopped("rename", "must_fail(os.rename, os.__file__, '/tmp/os.py')"),
    stopped("truncate", "must_fail(os.truncate, os.__file__, 0)"),
    stopped("chmod", "must_fail(os.chmod, os.__file__, 0o777)"),
    stopped("proc_of_zygote", "for what in ('mem', 'environ', 'maps', 'fd/3'):\n"
            "    must_fail(os.open, f'/proc/2/{what}', os.O_RDWR)\n"
            "    must_fail(os.open, f'/proc/1/{what}', os.O_RDONLY)"),
    stopped("proc_self_mem", "must_fail(os.open, '/proc/self/mem', os.O_RDWR)"),
    stopped("device_memory", "must_fail(os.open, '/dev/mem', os.O_RDONLY)"),
    stopped("duplicate_pipe_end", "must_fail(os.dup, 4)"),
    stopped("read_other_descriptors",
            "for descriptor in (0, 1, 2, 4, 5, 6, 64, 65):\n    must_fail(os.read, descriptor, 1)"),
    stopped("write_other_descriptors",
            "for descriptor in (0, 3, 5, 6, 64, 65):\n    must_fail(os.write, descriptor, b'x')"),
    # network: numbers 41 socket, 53 socketpair, 42 connect, 49 bind
    stopped("socket_tcp", "must_refuse(41, 2, 1, 0)"),
    stopped("socket_udp", "must_refuse(41, 2, 2, 0)"),
    stopped("socket_unix", "must_refuse(41, 1, 1, 0)"),
    stopped("socket_netlink", "must_refuse(41, 16, 3, 0)"),
    stopped("socket_raw", "must_refuse(41, 2, 3, 1)"),
    stopped("socket_vsock", "must_refuse(41, 40, 1, 0)"),
    stopped("loopback_tcp_with_module", """
gc = sys.modules["gc"]
made = [t for t in gc.get_objects() if isinstance(t, type) and t.__module__ == '_socket']
for kind in made:
    if kind.__name__ == 'socket':
        must_fail(lambda: kind(2, 1).connect(('127.0.0.1', 22)))
        must_fail(lambda: kind(2, 2).sendto(b'x', ('127.0.0.1', 53)))
        must_fail(lambda: kind(1, 1).connect('/run/docker.sock'))
        must_fail(lambda: kind(1, 1).connect(b'\\0abstract'))
"""),
    # processes
    stopped("fork_bomb", "for _ in range(50):\n    must_fail(os.fork)"),
    stopped("fork_raw", "for number in (56, 57, 58, 435):\n    must_refuse(number, 0, 0, 0)"),
    stopped("threads", "for _ in range(50):\n"
            "    must_fail(sys.modules['_thread'].start_new_thread, print, ())"),
    stopped("execve", "must_fail(os.execv, '/bin/sh', ['sh', '-c', 'true'])\n"
            "must_fail(os.execv, sys.executable or '/python', ['python'])"),
    stopped("posix_spawn", "must_fail(os.posix_spawn, '/bin/true', ['true'], {})"),
    stopped("system", "if os.system('true') == 0: raise Breach('system')"),
    stopped("import_subprocess", "try:\n    import subprocess\nexcept ImportError:\n    pass\n"
            "else:\n    raise Breach('imported')"),
    stopped("become_root", "must_fail(os.setuid, 0)\nmust_fail(os.setresuid, 0, 0, 0)"),
    stopped("raise_limits", "must_refuse(302, 0, 9, 0)\nmust_refuse(160, 9, 0, 0)"),
    stopped("raise_priority", "must_fail(os.setpriority, 0, 0, -20)"),
    stopped("leave_core", "must_fail(os.sched_setaffinity, 0, {0, 1})"),
    stopped("undo_hardening", "for option in (1, 4, 22, 38, 15):\n"
            "    must_refuse(157, option, 0, 0)"),
    # signals
    stopped("kill_whoever_is_there", "for pid in range(1, 2000):\n    must_fail(os.kill, pid, 0)"),
    stopped("kill_init", "must_fail(os.kill, 1, 9)"),
    stopped("kill_everything", "must_fail(os.kill, -1, 9)\nmust_fail(os.killpg, 0, 9)"),
    stopped("kill_by_handle", "must_fail(os.pidfd_open, 1)\nmust_refuse(424, 3, 9, 0)"),
    stopped("kill_thread", "must_refuse(234, 1, 1, 9)\nmust_refuse(200, 1, 9, 0)"),
    stopped("alarm", "must_refuse(37, 1, 0, 0)\nmust_refuse(38, 0, 0, 0)"),
    # the kernel
    killed("ptrace_parent", "libc.ptrace(0x4206, 2, 0, 0)"),
    killed("ptrace_traceme", "libc.ptrace(0, 0, 0, 0)"),
    killed("process_vm_readv", "libc.syscall(310, 1, 0, 0)"),
    killed("process_vm_writev", "libc.syscall(311, 1, 0, 0)"),
    killed("steal_descriptor", "libc.syscall(438, 3, 0, 0)"),
    killed("unshare_user", "libc.unshare(0x10000000)"),
    killed("setns", "libc.setns(3, 0)"),
    killed("mount", "libc.syscall(165, 0, 0, 0)"),
    killed("chroot", "os.chroot('/')"),
    killed("pivot_root", "libc.syscall(155, 0, 0, 0)"),
    killed("open_by_handle", "libc.syscall(304, 0, 0, 0)"),
    killed("io_uring", "libc.syscall(425, 1, 0, 0)"),
    killed("bpf", "libc.syscall(321, 0, 0, 0)"),
    killed("perf_event", "libc.syscall(298, 0, 0, 0)"),
    killed("userfaultfd", "libc.syscall(323, 0, 0, 0)"),
    killed("keyctl", "libc.syscall(250, 0, 0, 0)"),
    killed("load_module", "libc.syscall(313, 3, 0, 0)"),
    killed("foreign_abi_x32", "libc.syscall(0x40000000 + 39, 0, 0, 0)"),
    stopped("memory_file", "must_fail(os.memfd_create, 'x')"),
    stopped("executable_memory", "must_refuse(9, 0, 4096, 7)\nmust_refuse(10, 0, 4096, 5)"),
    stopped("shared_memory", "must_refuse(29, 0, 4096, 0o1777)"),
    stopped("own_filter", "must_refuse(317, 1, 0, 0)"),
    stopped("system_randomness", "must_fail(os.urandom, 8)\nmust_refuse(318, 0, 0, 0)"),
    ends("crash", "died", "libc.memset(1, 0, 1)"),
)  # fmt: skip
