//! The memory protocol between host and guard, and the two functions of the host.

use std::alloc::Layout;

#[link(wasm_import_module = "env")]
extern "C" {
    #[link_name = "call_backend"]
    fn host_call_backend(
        name_ptr: *const u8,
        name_len: u32,
        args_ptr: *const u8,
        args_len: u32,
        res_ptr: *mut u8,
        res_size: u32,
    ) -> i32;
    #[link_name = "host_log"]
    fn host_log(level: u32, ptr: *const u8, len: u32);
}

/// The output or the input cannot be dealt with.
const BAD_INPUT: i32 = -1;
/// The output buffer is too small; the needed size stands at its start.
const TOO_SMALL: i32 = -2;
/// A label is wanted before any policy was accepted.
const NO_POLICY: i32 = -3;

/// Alignment of every buffer handed to the host.
const ALIGN: usize = 8;

/// What a label function has to say.
pub enum Answer {
    /// JSON for the host.
    Json(Vec<u8>),
    /// Success with nothing to say.
    Nothing,
    /// The input is not what the protocol promises.
    BadInput,
    /// No policy was accepted so far.
    NoPolicy,
}

/// The level of a log line, by the host's numbers.
#[derive(Clone, Copy)]
pub enum Log {
    Debug = 0,
    Info = 1,
    Warn = 2,
    Error = 3,
}

/// Sends one line to the host's log.
pub fn log(level: Log, text: &str) {
    // SAFETY: the host only reads `len` bytes at `ptr`.
    unsafe { host_log(level as u32, text.as_ptr(), text.len() as u32) }
}

/// Calls a tool of the backend; what the host returns is passed on as it is.
pub fn call_backend(tool: &str, args: &str, result: &mut [u8]) -> i32 {
    // SAFETY: the host reads within the two texts and writes within `result`.
    unsafe {
        host_call_backend(
            tool.as_ptr(),
            tool.len() as u32,
            args.as_ptr(),
            args.len() as u32,
            result.as_mut_ptr(),
            result.len() as u32,
        )
    }
}

/// A name as printed in log lines and descriptions: printable ASCII, at most 64 bytes (section 10).
pub fn printable(name: &str) -> String {
    name.bytes().take(64).map(|byte| if (0x20..=0x7e).contains(&byte) { byte as char } else { '?' }).collect()
}

/// Takes the input from memory, runs `label` on it and puts its answer into the output buffer.
pub fn serve(function: &str, in_ptr: u32, in_len: u32, out_ptr: u32, out_size: u32, label: impl FnOnce(&str) -> Answer) -> i32 {
    let input: &[u8] = match in_len {
        0 => &[],
        // SAFETY: the host wrote `in_len` bytes at `in_ptr`, which it got from `alloc`.
        _ => unsafe { std::slice::from_raw_parts(in_ptr as *const u8, in_len as usize) },
    };
    let answer = match std::str::from_utf8(input) {
        Ok(text) => label(text),
        Err(_) => Answer::BadInput,
    };
    match answer {
        Answer::Json(output) => deliver(function, &output, out_ptr, out_size),
        Answer::Nothing => 0,
        Answer::BadInput => {
            log(Log::Error, &format!("{function}: bad input"));
            BAD_INPUT
        }
        Answer::NoPolicy => {
            log(Log::Error, &format!("{function}: no policy"));
            NO_POLICY
        }
    }
}

/// Copies the output to the host's buffer, or says how large that should be.
fn deliver(function: &str, output: &[u8], out_ptr: u32, out_size: u32) -> i32 {
    if output.len() <= out_size as usize {
        // SAFETY: the host owns `out_size` bytes at `out_ptr`, which it got from `alloc`.
        unsafe { std::ptr::copy_nonoverlapping(output.as_ptr(), out_ptr as *mut u8, output.len()) };
        return output.len() as i32;
    }
    log(Log::Warn, &format!("{function}: output needs {} bytes, buffer has {out_size}", output.len()));
    if out_size >= 4 {
        let hint = (output.len() as u32).to_le_bytes();
        // SAFETY: as above, and four bytes fit.
        unsafe { std::ptr::copy_nonoverlapping(hint.as_ptr(), out_ptr as *mut u8, hint.len()) };
    }
    TOO_SMALL
}

/// Gives the host a buffer; null if there is no memory for it.
#[no_mangle]
pub extern "C" fn alloc(size: u32) -> *mut u8 {
    match Layout::from_size_align((size as usize).max(1), ALIGN) {
        // SAFETY: the size is not zero.
        Ok(layout) => unsafe { std::alloc::alloc(layout) },
        Err(_) => std::ptr::null_mut(),
    }
}

/// Takes a buffer of `alloc` back; `size` is the size that was asked for.
#[no_mangle]
pub extern "C" fn dealloc(ptr: *mut u8, size: u32) {
    if ptr.is_null() {
        return;
    }
    if let Ok(layout) = Layout::from_size_align((size as usize).max(1), ALIGN) {
        // SAFETY: the host returns what `alloc` gave, with the same size.
        unsafe { std::alloc::dealloc(ptr, layout) }
    }
}
