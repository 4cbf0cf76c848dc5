//! Files and directories through `std::fs`.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

static mut FAILURES: u32 = 0;

fn holds(label: &str, condition: bool) {
    if !condition {
        eprintln!("FAIL {label}: got 0");
        unsafe { FAILURES += 1 };
    }
}

fn fails<T>(label: &str, result: std::io::Result<T>, kinds: &[ErrorKind], codes: &[i32]) {
    match result {
        Err(e) if kinds.contains(&e.kind()) || codes.contains(&e.raw_os_error().unwrap_or(0)) => {}
        Err(e) => {
            eprintln!("FAIL {label}: got {}", e.raw_os_error().unwrap_or(999));
            unsafe { FAILURES += 1 };
        }
        Ok(_) => holds(label, false),
    }
}

const OUT: &[i32] = &[63, 76]; // EPERM, ENOTCAPABLE

fn main() -> std::io::Result<()> {
    holds("read", fs::read_to_string("/hello.txt")? == "hello, file\n");
    holds("relative", fs::read("digits.txt")? == b"0123456789");
    fails("missing", File::open("/none"), &[ErrorKind::NotFound], &[]);
    fs::create_dir_all("/a/b/c/d")?;
    holds("directories", Path::new("/a/b/c").is_dir());
    fs::write("/a/b/file", "one\ntwo\nthree\n")?;
    let lines: Vec<String> = BufReader::new(File::open("/a/b/file")?).lines().collect::<Result<_, _>>()?;
    holds("lines", lines == ["one", "two", "three"]);
    writeln!(OpenOptions::new().append(true).open("/a/b/file")?, "four")?;
    holds("appended", fs::read_to_string("/a/b/file")?.ends_with("three\nfour\n"));
    fails("create_new", OpenOptions::new().write(true).create_new(true).open("/a/b/file"), &[ErrorKind::AlreadyExists], &[]);
    let mut f = OpenOptions::new().read(true).write(true).open("/a/b/file")?;
    f.seek(SeekFrom::Start(4))?;
    f.write_all(b"TWO")?;
    f.seek(SeekFrom::End(-5))?;
    let mut rest = String::new();
    f.read_to_string(&mut rest)?;
    holds("from the end", rest == "four\n");
    f.set_len(7)?;
    f.sync_all()?;
    f.sync_data()?;
    holds("truncated", fs::read("/a/b/file")? == b"one\nTWO");
    holds("length", f.metadata()?.len() == 7);
    holds("modified", f.metadata()?.modified()? > UNIX_EPOCH + Duration::from_secs(1_577_836_800));
    holds("copied", fs::copy("/a/b/file", "/a/copy")? == 7 && fs::read("/a/copy")? == b"one\nTWO");
    fs::rename("/a/copy", "/other/moved").or_else(|_| fs::rename("/a/copy", "/a/moved"))?;
    holds("moved", Path::new("/a/moved").is_file() || Path::new("/other/moved").is_file());
    fs::hard_link("/a/b/file", "/a/hard")?;
    fs::remove_file("/a/b/file")?;
    holds("the other name", fs::read("/a/hard")? == b"one\nTWO");
    #[allow(deprecated)]
    fs::soft_link("hard", "/a/soft")?;
    holds("read_link", fs::read_link("/a/soft")? == Path::new("hard"));
    holds("followed", fs::metadata("/a/soft")?.is_file() && fs::symlink_metadata("/a/soft")?.file_type().is_symlink());
    let mut names: Vec<String> = fs::read_dir("/a")?.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names.retain(|name| name != "moved");
    holds("names", names == ["b", "hard", "soft"]);
    for entry in fs::read_dir("/tree")? {
        let entry = entry?;
        let kind = entry.file_type()?;
        holds("kinds", kind.is_dir() == (entry.file_name() == "sub") && kind.is_file() != kind.is_dir());
    }
    fails("not empty", fs::remove_dir("/a"), &[], &[55]);
    fails("a directory is no file", fs::remove_file("/a"), &[], &[31, 63]);
    fails("a file is no directory", fs::read_dir("/hello.txt").map(|_| ()), &[], &[54]);
    fails("out by a link", File::open("/out-rel"), &[], OUT);
    fails("out by a directory link", fs::read_dir("/out-dir").map(|_| ()), &[], OUT);
    fails("out by creating", File::create("/out-new"), &[], OUT);
    fails("above", fs::read("/../outside/secret.txt"), &[], OUT);
    fs::create_dir("/gone")?;
    fs::remove_dir("/gone")?;
    fs::create_dir_all("/deep/1/2/3")?;
    for i in 0..100 {
        fs::write(format!("/deep/1/f{i}"), vec![i as u8; i])?;
    }
    let total: u64 = fs::read_dir("/deep/1")?.map(|e| e.unwrap().metadata().unwrap()).filter(|m| m.is_file()).map(|m| m.len()).sum();
    holds("sizes", total == 4950);
    println!("files done");
    std::process::exit(if unsafe { FAILURES } == 0 { 0 } else { 1 })
}
