// SPDX-License-Identifier: Apache-2.0 OR MIT
#![no_std]
#![no_main]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};

struct NoHeap;

// SAFETY: an allocator may always answer null, which means that there is no memory.
unsafe impl GlobalAlloc for NoHeap {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static HEAP: NoHeap = NoHeap;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Reached by no one: that it compiles with its own panic handler is the test.
pub fn uses_the_library(bytes: &[u8]) -> bool {
    kbox_proof::event::EvidenceEvent::from_der(bytes).is_ok()
}
