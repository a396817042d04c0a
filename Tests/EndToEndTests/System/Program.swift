import Foundation
import Glibc

/// The programs under test, as this build made them.
enum Program: String, CaseIterable, Sendable {
    case gatehouse
    case gatehouseDev = "gatehouse-dev"
    case identity = "identity-service"
    case warehouse = "warehouse-service"
    case accounting = "accounting-service"
    case sales = "sales-service"

    /// The program's file: beside the test bundle, where the same build put it.
    ///
    /// - Throws: ``HarnessError`` when it was not built.
    var path: String {
        get throws {
            let directory = try Self.directory
            let path = "\(directory)/\(rawValue)"
            guard access(path, X_OK) == 0 else {
                throw HarnessError("there is no program \(rawValue) in \(directory); `swift build` makes it")
            }
            return path
        }
    }

    private static var directory: String {
        get throws {
            let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            return URL(fileURLWithPath: bundle).deletingLastPathComponent().path
        }
    }
}

/// Where the sources are.
enum Repository {
    /// The folder that holds Package.swift, symbolic links resolved.
    ///
    /// - Throws: ``HarnessError`` when these sources are in no package.
    static func root(above file: String = #filePath) throws -> String {
        var folder = URL(fileURLWithPath: file).resolvingSymlinksInPath()
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            let manifest = folder.appendingPathComponent("Package.swift").path
            if FileManager.default.fileExists(atPath: manifest) { return folder.path }
        }
        throw HarnessError("there is no Package.swift above \(file)")
    }
}
