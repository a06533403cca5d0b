//! Runs a program that ends with its parent, and earlier if it is cancelled.
//!
//! The program gets a process group of its own, so the Ctrl-C of a terminal reaches only this process. This
//! process then ends the program and whatever the program has started. If this process is killed, a guard in
//! the group does it.

use std::{
    io::{self, Read},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

/// How often the state of the program is checked.
const POLL: Duration = Duration::from_millis(20);
/// The time that a cancelled program has to end by itself, for example to remove its files.
const END: Duration = Duration::from_millis(500);

/// Waits for the end of its input, which closes when this process ends, and then ends its group: by SIGTERM, and
/// by force after [`END`]. The signal of [`end_with_this_thread`] reaches the program alone, which may have
/// started others and may wait for them.
const GUARD: &str = "trap '' TERM; read -r _; kill -TERM 0; sleep 0.5; kill -KILL 0";

/// Requests that programs end early. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    requested: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Cancel {
    /// Ends the programs that run with this value, and those that would run later.
    pub fn cancel(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// The same request, which a deadline makes too.
    #[must_use]
    pub fn at(&self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self.clone() }
    }

    /// Whether [`Self::cancel`] was called or the deadline has passed.
    pub fn is_cancelled(&self) -> bool {
        let is_late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        is_late || self.requested.load(Ordering::Relaxed)
    }
}

/// Runs a program to its end, and returns what it has written to the pipes of the command. Returns `None`
/// if it was cancelled.
///
/// Returns an error if the program cannot be run.
pub fn output(command: &mut Command, cancel: &Cancel) -> io::Result<Option<Output>> {
    if cancel.is_cancelled() {
        return Ok(None);
    }
    command.process_group(0);
    end_with_this_thread(command, Signal::SIGTERM);
    let mut child = command.spawn()?;
    let started = Guard::start(&child).and_then(|guard| {
        Ok((guard, collect(child.stdout.take())?, collect(child.stderr.take())?))
    });
    let (_guard, stdout, stderr) = match started {
        Ok(started) => started,
        Err(error) => {
            end(&mut child)?;
            return Err(error);
        }
    };
    let Some(status) = wait(&mut child, cancel)? else { return Ok(None) };
    Ok(Some(Output { status, stdout: text(stdout)?, stderr: text(stderr)? }))
}

/// A process in the group of a program that ends the group if this process is killed.
struct Guard {
    shell: Child,
    _input: Option<ChildStdin>,
}

impl Guard {
    fn start(program: &Child) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", GUARD]).env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.process_group(program.id().cast_signed());
        let mut shell = command.spawn()?;
        let input = shell.stdin.take();
        Ok(Self { shell, _input: input })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Errors mean that it has ended.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Waits for the end of a program that leads a process group; `None` if it was cancelled.
///
/// Returns an error if its state is unknown.
pub fn wait(child: &mut Child, cancel: &Cancel) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if cancel.is_cancelled() {
            end(child)?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// Ends a program and its group: by SIGTERM, then by force.
fn end(child: &mut Child) -> io::Result<()> {
    let group = Pid::from_raw(child.id().cast_signed());
    // An error means that it has ended since.
    let _ = killpg(group, Signal::SIGTERM);
    let deadline = Instant::now() + END;
    while child.try_wait()?.is_none() && Instant::now() < deadline {
        thread::sleep(POLL);
    }
    let _ = killpg(group, Signal::SIGKILL);
    child.wait()?;
    Ok(())
}

type Reader = Option<JoinHandle<io::Result<Vec<u8>>>>;

/// Reads a pipe in a thread: a program that fills one pipe while another is read would wait forever.
fn collect(pipe: Option<impl Read + Send + 'static>) -> io::Result<Reader> {
    let Some(mut pipe) = pipe else { return Ok(None) };
    let read = move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    thread::Builder::new().name("child-output".to_owned()).spawn(read).map(Some)
}

fn text(reader: Reader) -> io::Result<Vec<u8>> {
    match reader.map(JoinHandle::join) {
        None => Ok(Vec::new()),
        Some(Ok(bytes)) => bytes,
        Some(Err(_)) => Err(io::Error::other("the thread that reads the output panicked")),
    }
}

/// Makes the kernel send `signal` to the process when the calling thread ends, even by `kill -9` of
/// this process.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "pre_exec is unsafe; the comment at the call proves this use")]
pub fn end_with_this_thread(command: &mut Command, signal: Signal) {
    use nix::{
        errno::Errno,
        sys::prctl::set_pdeathsig,
        unistd::{getpid, getppid},
    };

    let parent = getpid();
    let prepare = move || {
        set_pdeathsig(signal)?;
        // The parent may have died before that call.
        if getppid() == parent { Ok(()) } else { Err(io::Error::from(Errno::ESRCH)) }
    };
    // SAFETY: between fork and exec only async-signal-safe code may run. The closure makes two bare
    // system calls, prctl(2) and getppid(2), on copied integers; it allocates nothing, takes no
    // lock, and its errors are plain numbers. It runs after the change of user, which would clear
    // the setting.
    unsafe { command.pre_exec(prepare) };
}

/// Does nothing: only Linux can do this. On other systems, the next start stops the orphan.
#[cfg(not(target_os = "linux"))]
pub fn end_with_this_thread(_: &mut Command, _: Signal) {}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::{env, sync::mpsc};

    use super::*;

    /// Set in the process that [`a_killed_process_leaves_no_program`] kills.
    const KILLED: &str = "CHILD_PROCESS_KILLED";

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    #[test]
    fn both_outputs_of_a_program_are_returned_however_long_they_are() {
        let script = "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; exit 3";
        let output = output(&mut shell(script), &Cancel::default()).unwrap().unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!((output.stdout.len(), output.stderr.len()), (300_000, 300_000));
    }

    #[test]
    fn a_cancelled_program_ends_with_what_it_has_started() {
        // The second one ignores the request to end.
        for script in ["sleep 600 & echo $!; wait", "trap '' TERM; sleep 600 & echo $!; wait; wait"]
        {
            let cancel = Cancel::default();
            let mut command = shell(script);
            command.process_group(0);
            let mut child = command.spawn().unwrap();
            let mut started = String::new();
            let mut stdout = io::BufReader::new(child.stdout.take().unwrap());
            io::BufRead::read_line(&mut stdout, &mut started).unwrap();
            cancel.cancel();
            assert_eq!(wait(&mut child, &cancel).unwrap(), None, "{script}");
            // The pipe closes when no process has it open any more.
            assert_eq!(stdout.read_to_end(&mut Vec::new()).unwrap(), 0, "{script}");
            assert!(output(&mut shell(script), &cancel).unwrap().is_none(), "{script}");
        }
    }

    #[test]
    fn a_deadline_ends_a_program() {
        let cancel = Cancel::default().at(Instant::now() + POLL);
        assert!(output(&mut shell("sleep 600"), &cancel).unwrap().is_none());
        assert!(output(&mut shell("true"), &Cancel::default()).unwrap().is_some());
    }

    #[test]
    fn a_killed_process_leaves_no_program() {
        if env::var_os(KILLED).is_some() {
            // Neither process ends by SIGTERM, and both have the standard error of this process.
            let script = "trap '' TERM; echo started >&2; sleep 600 & sleep 600";
            let mut command = Command::new("/bin/sh");
            output(command.args(["-c", script]).stdout(Stdio::piped()), &Cancel::default())
                .unwrap();
            return;
        }
        let name = "tests::a_killed_process_leaves_no_program";
        let mut command = Command::new(env::current_exe().unwrap());
        command.args([name, "--exact", "--nocapture"]).env(KILLED, "1");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let mut started = [0; 8];
        stderr.read_exact(&mut started).unwrap();
        assert_eq!(&started, b"started\n");
        child.kill().unwrap();
        child.wait().unwrap();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(stderr.read_to_end(&mut Vec::new())));
        // It closes when no process has it open any more.
        receiver.recv_timeout(Duration::from_secs(30)).unwrap().unwrap();
    }
}
