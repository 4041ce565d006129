/**
 * The init of containers that ask for one, for x86-64 (Intel syntax). `init_program.ts` says what it does and makes an executable of it. Each
 * pair is the bytes and the line that GNU as makes them from; a test assembles the listing and compares.
 */
export const listing: readonly (readonly [bytes: string, source: string])[] = [
  ["", "start:"],
  ["488b0c24", "mov rcx, [rsp]"], // argc
  ["488d5c2418", "lea rbx, [rsp+24]"], // argv[2]: the program, behind `docker-init` and `--`
  ["4c8d6ccc10", "lea r13, [rsp+rcx*8+16]"], // the environment
  ["4c8b33", "mov r14, [rbx]"], // the program's name
  ["4881ec00200000", "sub rsp, 8192"],
  ["4889e5", "mov rbp, rsp"], // set of all signals, the set before, siginfo, status at 144, a path at 256
  ["83f903", "cmp ecx, 3"],
  ["0f82ec010000", "jb usage"],
  ["48c74500ffffffff", "mov qword ptr [rbp], -1"],
  ["31ff", "xor edi, edi"], // SIG_BLOCK
  ["4889ee", "mov rsi, rbp"],
  ["488d5508", "lea rdx, [rbp+8]"],
  ["41ba08000000", "mov r10d, 8"],
  ["b80e000000", "mov eax, 14"], // rt_sigprocmask
  ["0f05", "syscall"],
  ["b839000000", "mov eax, 57"], // fork
  ["0f05", "syscall"],
  ["4189c4", "mov r12d, eax"],
  ["85c0", "test eax, eax"],
  ["0f887a010000", "js failed"],
  ["7472", "jz child"],
  ["", "wait:"],
  ["4889ef", "mov rdi, rbp"],
  ["488d7510", "lea rsi, [rbp+16]"],
  ["31d2", "xor edx, edx"],
  ["41ba08000000", "mov r10d, 8"],
  ["b880000000", "mov eax, 128"], // rt_sigtimedwait
  ["0f05", "syscall"],
  ["85c0", "test eax, eax"],
  ["7ee6", "jle wait"], // interrupted
  ["83f811", "cmp eax, 17"], // SIGCHLD
  ["740e", "je reap"],
  ["4489e7", "mov edi, r12d"],
  ["89c6", "mov esi, eax"],
  ["b83e000000", "mov eax, 62"], // kill: hand it on
  ["0f05", "syscall"],
  ["ebd3", "jmp wait"],
  ["", "reap:"],
  ["48c7c7ffffffff", "mov rdi, -1"], // any child
  ["488db590000000", "lea rsi, [rbp+144]"],
  ["ba01000000", "mov edx, 1"], // WNOHANG
  ["4531d2", "xor r10d, r10d"],
  ["b83d000000", "mov eax, 61"], // wait4
  ["0f05", "syscall"],
  ["85c0", "test eax, eax"],
  ["7eb2", "jle wait"], // no more have ended
  ["4439e0", "cmp eax, r12d"],
  ["75da", "jne reap"], // an orphan
  ["8b8590000000", "mov eax, [rbp+144]"],
  ["89c7", "mov edi, eax"],
  ["83e77f", "and edi, 127"],
  ["7505", "jnz signalled"],
  ["0fb6fc", "movzx edi, ah"],
  ["eb06", "jmp exit"],
  ["", "signalled:"],
  ["81c780000000", "add edi, 128"],
  ["", "exit:"],
  ["b8e7000000", "mov eax, 231"], // exit_group
  ["0f05", "syscall"],
  ["", "child:"],
  ["31ff", "xor edi, edi"],
  ["31f6", "xor esi, esi"],
  ["b86d000000", "mov eax, 109"], // setpgid
  ["0f05", "syscall"],
  ["b827000000", "mov eax, 39"], // getpid
  ["0f05", "syscall"],
  ["898590000000", "mov [rbp+144], eax"],
  ["31ff", "xor edi, edi"],
  ["be10540000", "mov esi, 0x5410"], // TIOCSPGRP: the terminal's foreground, where there is one
  ["488d9590000000", "lea rdx, [rbp+144]"],
  ["b810000000", "mov eax, 16"], // ioctl
  ["0f05", "syscall"],
  ["bf02000000", "mov edi, 2"], // SIG_SETMASK
  ["488d7508", "lea rsi, [rbp+8]"],
  ["31d2", "xor edx, edx"],
  ["41ba08000000", "mov r10d, 8"],
  ["b80e000000", "mov eax, 14"], // rt_sigprocmask
  ["0f05", "syscall"],
  ["4c89f6", "mov rsi, r14"],
  ["", "scan:"],
  ["ac", "lodsb"],
  ["3c2f", "cmp al, 47"], // a slash: no search
  ["0f84a2000000", "je direct"],
  ["84c0", "test al, al"],
  ["75f3", "jnz scan"],
  ["41bcfeffffff", "mov r12d, -2"], // ENOENT, unless there is something worse to tell
  ["4d89e8", "mov r8, r13"],
  ["", "variable:"],
  ["498b30", "mov rsi, [r8]"],
  ["4983c008", "add r8, 8"],
  ["4885f6", "test rsi, rsi"],
  ["0f8498000000", "jz failed"],
  ["813e50415448", "cmp dword ptr [rsi], 0x48544150"], // PATH
  ["75e8", "jne variable"],
  ["807e043d", "cmp byte ptr [rsi+4], 61"], // =
  ["75e2", "jne variable"],
  ["4883c605", "add rsi, 5"],
  ["", "entry:"],
  ["488dbd00010000", "lea rdi, [rbp+256]"],
  ["488d9500110000", "lea rdx, [rbp+4352]"], // PATH_MAX
  ["", "copy:"],
  ["ac", "lodsb"],
  ["84c0", "test al, al"],
  ["740c", "jz tail"],
  ["3c3a", "cmp al, 58"], // a colon
  ["7408", "je tail"],
  ["4839d7", "cmp rdi, rdx"],
  ["73f2", "jae copy"],
  ["aa", "stosb"],
  ["ebef", "jmp copy"],
  ["", "tail:"],
  ["440fb6c8", "movzx r9d, al"],
  ["4989f0", "mov r8, rsi"],
  ["c60700", "mov byte ptr [rdi], 0"],
  ["80bd000100002f", "cmp byte ptr [rbp+256], 47"], // not a directory that stands for the present one
  ["7537", "jne next"],
  ["b02f", "mov al, 47"],
  ["aa", "stosb"],
  ["4c89f6", "mov rsi, r14"],
  ["", "name:"],
  ["4839d7", "cmp rdi, rdx"],
  ["732c", "jae next"], // too long
  ["ac", "lodsb"],
  ["aa", "stosb"],
  ["84c0", "test al, al"],
  ["75f5", "jnz name"],
  ["488dbd00010000", "lea rdi, [rbp+256]"],
  ["4889de", "mov rsi, rbx"],
  ["4c89ea", "mov rdx, r13"],
  ["b83b000000", "mov eax, 59"], // execve
  ["0f05", "syscall"],
  ["83f8fe", "cmp eax, -2"], // ENOENT
  ["740d", "je next"],
  ["83f8ec", "cmp eax, -20"], // ENOTDIR
  ["7408", "je next"],
  ["4189c4", "mov r12d, eax"],
  ["83f8f3", "cmp eax, -13"], // EACCES
  ["751d", "jne failed"],
  ["", "next:"],
  ["4c89c6", "mov rsi, r8"],
  ["4585c9", "test r9d, r9d"],
  ["758f", "jnz entry"],
  ["eb13", "jmp failed"],
  ["", "direct:"],
  ["4c89f7", "mov rdi, r14"],
  ["4889de", "mov rsi, rbx"],
  ["4c89ea", "mov rdx, r13"],
  ["b83b000000", "mov eax, 59"], // execve
  ["0f05", "syscall"],
  ["4189c4", "mov r12d, eax"],
  ["", "failed:"],
  ["bf02000000", "mov edi, 2"],
  ["488d3556000000", "lea rsi, [rip+message]"],
  ["ba1c000000", "mov edx, 28"],
  ["b801000000", "mov eax, 1"], // write
  ["0f05", "syscall"],
  ["31d2", "xor edx, edx"],
  ["", "length:"],
  ["41803c1600", "cmp byte ptr [r14+rdx], 0"],
  ["7404", "je say"],
  ["ffc2", "inc edx"],
  ["ebf5", "jmp length"],
  ["", "say:"],
  ["4c89f6", "mov rsi, r14"],
  ["b801000000", "mov eax, 1"], // write
  ["0f05", "syscall"],
  ["488d3548000000", "lea rsi, [rip+newline]"],
  ["ba01000000", "mov edx, 1"],
  ["b801000000", "mov eax, 1"], // write
  ["0f05", "syscall"],
  ["", "usage:"],
  ["bf7f000000", "mov edi, 127"], // there is none
  ["4183fcfe", "cmp r12d, -2"],
  ["0f84a2feffff", "je exit"],
  ["4183fcec", "cmp r12d, -20"],
  ["0f8498feffff", "je exit"],
  ["ffcf", "dec edi"], // it cannot be executed
  ["e991feffff", "jmp exit"],
  ["", "message:"],
  ["646f636b65722d696e69743a2063616e6e6f74206578656375746520", '.ascii "docker-init: cannot execute "'],
  ["", "newline:"],
  ["0a", '.ascii "\\n"'],
];
