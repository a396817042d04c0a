import Foundation

/// The independent judge of our OpenAPI documents: `openapi-spec-validator` from PyPI, which `scripts/bootstrap` installs.
public enum OpenAPIValidator {
    /// What it says about a document; empty when the document is valid.
    ///
    /// - Throws: ``Missing`` when it is not installed: the test must fail then, not pass.
    public static func complaints(about document: String) async throws -> String {
        let program = try executable()
        return try await withCheckedThrowingContinuation { continuation in
            // Waiting for a process holds a thread; of those that run tasks there is one for each core.
            Thread.detachNewThread {
                continuation.resume(with: Result { try run(program, on: document) })
            }
        }
    }

    private static func run(_ program: String, on document: String) throws -> String {
        let directory = FileManager.default.temporaryDirectory
        let file = directory.appendingPathComponent("gatehouse-openapi-\(UUID().uuidString).json")
        try document.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [file.path]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? "" : String(decoding: text, as: UTF8.self)
    }

    public struct Missing: Error, CustomStringConvertible {
        public let description = "openapi-spec-validator is not installed; run scripts/bootstrap"
    }

    private static func executable() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        let path = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/openapi-spec-validator" }
        let local = repository.map { "\($0)/.local/venv/bin/openapi-spec-validator" }
        let candidates = [environment["OPENAPI_SPEC_VALIDATOR"], local].compactMap(\.self) + path
        guard let found = candidates.first(where: FileManager.default.isExecutableFile) else { throw Missing() }
        return found
    }

    /// The folder with `Package.swift` above this file, symbolic links resolved.
    private static var repository: String? {
        var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            if FileManager.default.fileExists(atPath: folder.path + "/Package.swift") { return folder.path }
        }
        return nil
    }
}
