import ServiceKit
import Warehouse

await ServiceProgram<WarehouseService>.start()
