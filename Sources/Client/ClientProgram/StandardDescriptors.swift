internal import Glibc

/// Standard input, output and error as the program was started with.
package enum StandardDescriptors {
  /// Opens /dev/null for each that is closed, as `produce <&-` starts it; call it before all else.
  ///
  /// Otherwise the next pipe, file or socket gets its number, and is taken for standard input or
  /// written to as standard output.
  package static func fill() throws(ProgramFailure) {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
      guard fcntl(descriptor, F_GETFD) < 0, errno == EBADF else { continue }
      // Reading gives the end at once. Writing fails, for standard output too: records that nobody
      // gets must not pass for written.
      let mode = descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY
      // The lowest free number is given, which is this one: those below it are open.
      guard open("/dev/null", mode) == descriptor else {
        throw .io("/dev/null cannot be opened", errno: errno)
      }
    }
  }
}
