# Runs commands one after the other and says what each has cost, for room.ts.
#   perl room.pl SYS_WAIT4 SYS_CLOCK_GETTIME
# A line in: the files for stdin, stdout and stderr, the program, its arguments; \x1f between them.
# A line out: wait status, wall, user and system time in seconds, peak memory in KiB. The times are of
# the process and all that it waited for, the memory is of the largest of them.
# Perl, because it can ask the kernel with nothing installed, and a small process forks fast.
use strict;
use warnings;

my ($WAIT4, $CLOCK_GETTIME) = map { int } @ARGV;
$| = 1;
while (my $line = <STDIN>) {
  chomp $line;
  my ($in, $out, $err, @argv) = split /\x1f/, $line, -1;
  my $start = now();
  my $pid = fork() // die "fork: $!";
  if ($pid == 0) {
    open STDIN, '<', $in or die "$in: $!";
    open STDOUT, '>', $out or die "$out: $!";
    open STDERR, '>', $err or die "$err: $!";
    exec { $argv[0] } @argv or die "$argv[0]: $!";
  }
  my ($status, $usage) = (pack('i', 0), "\0" x 144);
  syscall($WAIT4, $pid, $status, 0, $usage) == $pid or die "wait4: $!";
  my $wall = now() - $start;
  my ($user, $user_us, $system, $system_us, $peak) = unpack 'q5', $usage;
  printf "%d %.6f %.6f %.6f %d\n", unpack('i', $status), $wall,
    $user + $user_us / 1e6, $system + $system_us / 1e6, $peak;
}

sub now {
  my $time = "\0" x 16;
  syscall($CLOCK_GETTIME, 1, $time) == 0 or die "clock_gettime: $!";
  my ($seconds, $ns) = unpack 'q2', $time;
  return $seconds + $ns / 1e9;
}
