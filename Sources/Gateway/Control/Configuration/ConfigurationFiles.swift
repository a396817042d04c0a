import Foundation
import Reactor
public import Routing

/// Finds and reads the files of a configuration.
public struct ConfigurationFiles: Sendable {
    /// The largest file that is read.
    public static let sizeLimitBytes = 16 << 20
    /// The most files that one configuration may have.
    public static let fileLimit = 10_000

    /// Every document of every file, in the order of the paths given, and in a folder by name.
    public private(set) var documents: [SourceDocument] = []
    /// Files that cannot be read and text that is not YAML.
    public private(set) var diagnostics: [Diagnostic] = []

    /// Reads files, and folders with everything in them whose name ends in `.yaml`, `.yml` or `.json`.
    ///
    /// In a folder, files that say how to combine others (`kustomization.yaml`) and hidden entries are left out. The
    /// latter include the `..data` folders that Kubernetes puts into a mounted ConfigMap; the links to them are read.
    ///
    /// - Parameters:
    ///   - mounted: Secrets and ConfigMaps that are folders.
    ///   - namespace: That of documents which name none.
    public init(reading paths: [String], mounted: [MountedObject] = [], namespace: String = "default") {
        var files: [String] = []
        for path in paths { collect(path, into: &files) }
        if files.count > Self.fileLimit {
            complain(paths.joined(separator: ", "), "has more than \(Self.fileLimit) files")
            return
        }
        for file in files { read(file) }
        if namespace != "default" { documents = documents.map { $0.inNamespace(namespace) } }
        for object in mounted {
            do {
                documents.append(try object.document(namespace: namespace))
            } catch {
                diagnostics.append(error)
            }
        }
    }

    /// That were listed on the way to the files.
    private var folders: [String] = []

    private init() {}

    /// The files that would be read now, as they are, and `others`.
    static func states(of paths: [String], mounted: [MountedObject] = [], and others: [String]) -> FileWatch.Files {
        var listing = ConfigurationFiles()
        var files: [String] = []
        for path in paths { listing.collect(path, into: &files) }
        // A folder that cannot be listed is reported when it is read.
        for object in mounted { files += (try? object.keys().map(\.path)) ?? [] }
        var states: FileWatch.Files = [:]
        for file in files + others { states[file] = FileState(of: file) }
        return states
    }

    /// Where a change of these files shows: in folders that are given, in those of single files and of what links lead to,
    /// and where a folder that is given may itself be replaced.
    static func watched(
        _ paths: [String], mounted: [MountedObject] = [], and others: [String]
    ) -> [String: FileNotices.Interest] {
        var folders: [String: FileNotices.Interest] = [:]
        func add(_ path: String) {
            let folder = (path as NSString).deletingLastPathComponent
            let interest = FileNotices.Interest.names([(path as NSString).lastPathComponent])
            let key = folder.isEmpty ? "." : folder
            folders[key] = folders[key]?.joined(with: interest) ?? interest
        }
        var listing = ConfigurationFiles()
        var files: [String] = []
        for path in paths {
            add((path as NSString).standardizingPath)
            listing.collect(path, into: &files)
        }
        for file in files + others {
            add(file)
            add((file as NSString).resolvingSymlinksInPath)
        }
        for folder in listing.folders + mounted.map(\.folder) { folders[folder] = .everything }
        return folders
    }

    private mutating func collect(_ path: String, into files: inout [String]) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            complain(path, "there is no such file or folder")
            return
        }
        guard isFolder.boolValue else {
            files.append(path)
            return
        }
        folders.append(path)
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            complain(path, "cannot be listed: \(error.localizedDescription)")
            return
        }
        for name in names where !name.hasPrefix(".") && files.count <= Self.fileLimit {
            let entry = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
            if Self.isFolder(entry) {
                collect(entry, into: &files)
            } else if Self.isDocumentFile(name) {
                files.append(entry)
            }
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    private static func isDocumentFile(_ name: String) -> Bool {
        let lower = name.lowercased()
        let isDocument = [".yaml", ".yml", ".json"].contains { lower.hasSuffix($0) }
        return isDocument && !["kustomization.yaml", "kustomization.yml"].contains(lower)
    }

    private mutating func read(_ file: String) {
        do {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: (file as NSString).resolvingSymlinksInPath)
            let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
            guard size <= Self.sizeLimitBytes else {
                complain(file, "is larger than \(Self.sizeLimitBytes >> 20) MiB")
                return
            }
            let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            guard let text = String(bytes: bytes, encoding: .utf8) else {
                complain(file, "is not UTF-8")
                return
            }
            documents += try YAMLDocuments.parse(text, file: file)
        } catch let problem as Diagnostic {
            diagnostics.append(problem)
        } catch {
            complain(file, "cannot be read: \(error.localizedDescription)")
        }
    }

    private mutating func complain(_ file: String, _ message: String) {
        diagnostics.append(Diagnostic(.error, at: Place(file: file), message))
    }
}
