/**
 * The routines of machine code that are the engine's only way into the kernel, for x86-64 (Intel syntax).
 *
 * Two entries stand behind each other. `syscall_entry` makes one system call and gives the kernel's own answer (-errno on
 * failure, so no C library's errno can be overwritten in between). `program_entry` makes a new process that walks a table of
 * system calls; `_routine.ts` describes the memory it reads. Each pair is the bytes and the line that GNU as makes them from;
 * a test assembles the listing and compares.
 */
export const listing: readonly (readonly [bytes: string, source: string])[] = [
  ["", "syscall_entry:"], // long (long number, long a, b, c, d, e, f), System V calling convention
  ["4889f8", "mov rax, rdi"],
  ["4889f7", "mov rdi, rsi"],
  ["4889d6", "mov rsi, rdx"],
  ["4889ca", "mov rdx, rcx"],
  ["4d89c2", "mov r10, r8"],
  ["4d89c8", "mov r8, r9"],
  ["4c8b4c2408", "mov r9, [rsp+8]"],
  ["0f05", "syscall"],
  ["c3", "ret"],
  ["", "program_entry:"], // long (struct control *), see _routine.ts
  ["53", "push rbx"],
  ["4154", "push r12"],
  ["4155", "push r13"],
  ["4889fb", "mov rbx, rdi"],
  ["8b7b18", "mov edi, [rbx+24]"], // PID namespace to be born in, or -1
  ["85ff", "test edi, edi"],
  ["7818", "js make"],
  ["be00000020", "mov esi, 0x20000000"], // CLONE_NEWPID
  ["b834010000", "mov eax, 308"], // setns
  ["0f05", "syscall"],
  ["48894328", "mov [rbx+40], rax"],
  ["85c0", "test eax, eax"],
  ["0f85e0000000", "jnz return"],
  ["", "make:"],
  ["488b3b", "mov rdi, [rbx]"], // clone_args
  ["488b7308", "mov rsi, [rbx+8]"], // their size
  ["b8b3010000", "mov eax, 435"], // clone3
  ["0f05", "syscall"],
  ["4885c0", "test rax, rax"],
  ["0f85ac000000", "jnz parent"],
  ["4c8b6310", "mov r12, [rbx+16]"], // the child: first row
  ["", "row:"],
  ["498b0424", "mov rax, [r12]"],
  ["4885c0", "test rax, rax"], // a negative number ends the table
  ["0f8892000000", "js end"],
  ["4d8b6c2440", "mov r13, [r12+64]"], // control word
  ["498b7c2408", "mov rdi, [r12+8]"],
  ["41f6c501", "test r13b, 1"], // bit n: argument n is the address of an earlier result
  ["7403", "jz arg1"],
  ["488b3f", "mov rdi, [rdi]"],
  ["", "arg1:"],
  ["498b742410", "mov rsi, [r12+16]"],
  ["41f6c502", "test r13b, 2"],
  ["7403", "jz arg2"],
  ["488b36", "mov rsi, [rsi]"],
  ["", "arg2:"],
  ["498b542418", "mov rdx, [r12+24]"],
  ["41f6c504", "test r13b, 4"],
  ["7403", "jz arg3"],
  ["488b12", "mov rdx, [rdx]"],
  ["", "arg3:"],
  ["4d8b542420", "mov r10, [r12+32]"],
  ["41f6c508", "test r13b, 8"],
  ["7403", "jz arg4"],
  ["4d8b12", "mov r10, [r10]"],
  ["", "arg4:"],
  ["4d8b442428", "mov r8, [r12+40]"],
  ["41f6c510", "test r13b, 16"],
  ["7403", "jz arg5"],
  ["4d8b00", "mov r8, [r8]"],
  ["", "arg5:"],
  ["4d8b4c2430", "mov r9, [r12+48]"],
  ["41f6c520", "test r13b, 32"],
  ["7403", "jz call"],
  ["4d8b09", "mov r9, [r9]"],
  ["", "call:"],
  ["0f05", "syscall"],
  ["4989442438", "mov [r12+56], rax"],
  ["4983c448", "add r12, 72"],
  ["483d01f0ffff", "cmp rax, -4095"], // unsigned: below means no errno
  ["7287", "jb row"],
  ["f7d8", "neg eax"],
  ["49c1ed10", "shr r13, 16"], // six bytes of errnos that may happen
  ["", "allowed:"],
  ["4138c5", "cmp r13b, al"],
  ["0f8478ffffff", "je row"],
  ["4180fdff", "cmp r13b, 255"], // 255: any
  ["0f846effffff", "je row"],
  ["49c1ed08", "shr r13, 8"],
  ["75e7", "jnz allowed"],
  ["bf7f000000", "mov edi, 127"],
  ["eb02", "jmp exit"],
  ["", "end:"],
  ["31ff", "xor edi, edi"],
  ["", "exit:"],
  ["b8e7000000", "mov eax, 231"], // exit_group
  ["0f05", "syscall"],
  ["", "parent:"],
  ["8b7b20", "mov edi, [rbx+32]"], // the own one, or -1
  ["85ff", "test edi, edi"],
  ["7816", "js return"],
  ["4989c4", "mov r12, rax"],
  ["be00000020", "mov esi, 0x20000000"], // CLONE_NEWPID
  ["b834010000", "mov eax, 308"], // setns
  ["0f05", "syscall"],
  ["48894330", "mov [rbx+48], rax"],
  ["4c89e0", "mov rax, r12"],
  ["", "return:"],
  ["415d", "pop r13"],
  ["415c", "pop r12"],
  ["5b", "pop rbx"],
  ["c3", "ret"],
];
