import ArgumentParser
import Foundation

/// What a command has to say, and how it ends: one value, so that tests see what a person would.
struct CommandOutput: Equatable {
    /// What was asked for; goes to standard output.
    var text = ""
    /// What is wrong; goes to standard error.
    var complaint = ""
    var exitCode: Int32 = 0

    /// Writes both and ends the command.
    func deliver() throws {
        FileHandle.standardOutput.write(Data(text.utf8))
        FileHandle.standardError.write(Data(complaint.utf8))
        if exitCode != 0 { throw ExitCode(exitCode) }
    }
}

/// How a command prints what it found.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
}
