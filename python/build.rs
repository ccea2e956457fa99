//! What the linker of a Mac has to be told about an extension module: that the interpreter brings Python's symbols.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[expect(clippy::disallowed_methods, reason = "so cargo tells a build script what it builds for")]
    let system = std::env::var_os("CARGO_CFG_TARGET_OS");
    if system.is_some_and(|system| system == "macos") {
        println!("cargo::rustc-cdylib-link-arg=-undefined");
        println!("cargo::rustc-cdylib-link-arg=dynamic_lookup");
    }
}
