//! The real program among strangers who connect and then hardly say anything, and what it leaves
//! on the disk. What is promised is that others are answered, not how fast.

#![expect(clippy::unwrap_used, reason = "what a test sets up either is there or fails it")]
#![cfg(unix)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

struct Program {
    child: Child,
    address: SocketAddr,
    /// The line that it said when it was ready.
    said: serde_json::Value,
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(files: u32, data: &Path, more: &str) -> Command {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_tuanjian");
    let script = format!(
        "ulimit -n {files} && ulimit -Sn 256 && umask 022 && exec {program} --json --data {} serve {more}",
        data.display()
    );
    command.args(["-c", &script]).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

impl Program {
    /// Starts the program on a data folder of its own, with so many files at most.
    fn start(files: u32, data: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let more = format!("--listen {address} --no-work");
        let mut child = command(files, data, &more).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said = serde_json::from_str(&line).unwrap();
        let program = Self { child, address, said };
        for _ in 0..100 {
            if TcpStream::connect(address).is_ok() {
                return program;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the program does not listen");
    }
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }
    /// Connects and says only so much.
    fn begin(&self, text: &[u8]) -> TcpStream {
        let mut stream = self.connect();
        // The program may have sent it away already; that is its right.
        drop(stream.write_all(text));
        stream
    }
    /// One whole request and its answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = self.connect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
    /// That pages, forms and the health are answered.
    fn is_there_for_others(&self, when: &str) {
        let health = self.ask("GET", "/health", "");
        assert!(health.starts_with("HTTP/1.1 200"), "{when}: {health}");
        let page = self.ask("GET", "/login", "");
        assert!(page.starts_with("HTTP/1.1 200"), "{when}: {page}");
        let form = self.ask("POST", "/login", "id_number=340103199912319995&password=wrong-2026");
        assert!(form.starts_with("HTTP/1.1 422"), "{when}: {form}");
    }
    /// Bytes that it holds in memory.
    fn resident(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    }
}

fn half_form(length: usize, sent: usize) -> Vec<u8> {
    let mut text = format!(
        "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    text.resize(text.len() + sent, b'a');
    text
}

#[test]
fn half_sent_forms_and_heads_hold_up_nobody_else() {
    rlimit::increase_nofile_limit(4096).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(4096, &folder.path().join("data"));
    program.is_there_for_others("in quiet");
    let forms: Vec<TcpStream> = (0..540).map(|_| program.begin(&half_form(200, 20))).collect();
    program.is_there_for_others("among 540 half-sent forms");
    let heads: Vec<TcpStream> =
        (0..300).map(|_| program.begin(b"GET /login HTTP/1.1\r\nHost: x\r\nX-A")).collect();
    program.is_there_for_others("among 300 half-sent heads");
    // Nearly a megabyte each, without the last byte: none of it lies in memory.
    let long = half_form(1_000_000, 900_000);
    let before = program.resident();
    let bodies: Vec<TcpStream> = (0..100).map(|_| program.begin(&long)).collect();
    program.is_there_for_others("among 100 long forms");
    if let (Some(before), Some(now)) = (before, program.resident()) {
        assert!(now < before + (64 << 20), "{before} bytes, then {now}");
    }
    drop((forms, heads, bodies));
    program.is_there_for_others("afterwards");
}

#[test]
fn with_few_files_the_longest_silent_make_room_for_whoever_comes() {
    rlimit::increase_nofile_limit(4096).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(300, &folder.path().join("data"));
    let heads: Vec<TcpStream> =
        (0..400).map(|_| program.begin(b"GET /login HTTP/1.1\r\nX-A")).collect();
    program.is_there_for_others("among more connections than files");
    let forms: Vec<TcpStream> = (0..400).map(|_| program.begin(&half_form(200, 20))).collect();
    program.is_there_for_others("among more half forms than files");
    drop((heads, forms));
}

#[test]
fn the_data_folder_is_the_programs_own_and_is_closed_when_it_was_open() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let closed = |when: &str| {
        let right = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(right(&data), 0o700, "{when}");
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&data).unwrap() {
            let path = entry.unwrap().path();
            let expected = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(right(&path), expected, "{when}: {}", path.display());
            names.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
        assert!(names.iter().any(|n| n == "keys.toml") && names.len() >= 3, "{names:?}");
    };
    drop({
        let program = Program::start(1024, &data);
        program.is_there_for_others("new");
        closed("new");
        program
    });
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        // A key file that others could read is refused at the start.
        if path.ends_with("keys.toml") {
            continue;
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let _program = Program::start(1024, &data);
    closed("started again");
}

#[test]
fn the_first_administrators_code_is_in_no_address_that_reaches_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(1024, &folder.path().join("data"));
    let link = program.said["setup"].as_str().unwrap().to_owned();
    let (page, code) = link.split_once('#').unwrap();
    assert_eq!(page, format!("http://{}/setup", program.address));
    let page = program.ask("GET", "/setup", "");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("name=\"code\""), "{page}");
    assert!(page.to_lowercase().contains("referrer-policy: no-referrer"), "{page}");
    let form = |code: &str| {
        program.ask(
            "POST",
            "/setup",
            &format!("code={code}&org_name=%E5%BA%90%E5%B7%9E&category=COMMITTEE&industry=&name=x"),
        )
    };
    assert!(form("WRONG").starts_with("HTTP/1.1 409"), "{}", form("WRONG"));
    let right = form(code);
    assert!(right.starts_with("HTTP/1.1 422") && right.contains("请填写证件号"), "{right}");
}

#[test]
fn a_public_address_without_its_scheme_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let more = "--listen 127.0.0.1:0 --no-work --public-url tuan.example.org";
    let said = command(1024, &folder.path().join("data"), more)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .output()
        .unwrap();
    assert!(!said.status.success());
    let words = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(words.contains("https://tuan.example.org"), "{words}");
}
