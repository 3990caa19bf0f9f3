//! The program `mtcnn-cpu`: see `mtcnn-cpu --help`.

fn main() -> std::process::ExitCode {
    mtcnn_cpu::cli::main()
}
