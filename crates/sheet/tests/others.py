"""Makes workbooks with other people's programs, for others.rs to read.

Usage: others.py FOLDER. Needs openpyxl and xlwt; converts with LibreOffice if `soffice` is found.
"""

import datetime
import pathlib
import shutil
import subprocess
import sys
import tempfile

import openpyxl
import openpyxl.styles
import xlwt

HEAD = ["姓名", "身份证号码", "手机号码", "入团年月", "备注"]
DAY = datetime.date(2019, 5, 4)
ROWS = [
    ["张三", "440106200503140016", 13800138000, DAY, "a,b\"c\n第二行"],
    ["李四", 340104200503140016, "13900139000", "2019年5月4日", "=1+1"],
    ["欧阳㐀", "11010519491231002X", 13700137000.0, "2019/5/4", None],
]


def with_openpyxl(folder):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "团员"
    sheet.append(["填写说明"])
    sheet.merge_cells("A1:E1")
    sheet.append(HEAD)
    for row in ROWS:
        sheet.append(row)
    for row in sheet.iter_rows(min_row=3, min_col=5, max_col=5):
        row[0].data_type = "s" if row[0].value else row[0].data_type
    # A formula without a cached value, as openpyxl leaves it.
    sheet["F3"] = "=NOW()"
    hidden = book.create_sheet("字典")
    hidden.sheet_state = "hidden"
    hidden["A1"] = "汉族"
    book.save(folder / "openpyxl.xlsx")


def with_xlwt(folder, name="xlwt.xls", rows=None):
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("团员")
    sheet.write_merge(0, 0, 0, 4, "填写说明")
    day = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    for number, row in enumerate([HEAD, *ROWS], start=1):
        for column, value in enumerate(row):
            if value is not None:
                style = day if isinstance(value, datetime.date) else xlwt.Style.default_style
                sheet.write(number, column, value, style)
    hidden = book.add_sheet("字典")
    hidden.visibility = 1
    hidden.write(0, 0, "汉族")
    book.save(str(folder / name))


def looks(folder):
    """What a sheet shows besides its values: merged, hidden and struck-out cells, number formats."""
    head = ["学院", "姓名", "旧手机号", "手机号码"]
    rows = [["软件学院", "张三", 1, 13800138000], [None, "李四", 2, 13800138001]]
    rows += [["机械学院", "王五", 3, 13800138002], ["化工学院", "赵六", 4, 13800138003]]
    target = folder / "looks"
    target.mkdir(exist_ok=True)
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [head, *rows]:
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    sheet.column_dimensions["C"].hidden = True
    sheet.row_dimensions[4].hidden = True
    sheet["B5"].font = openpyxl.styles.Font(strike=True)
    for row in range(2, 6):
        sheet.cell(row, 4).number_format = '"+86 "0'
    book.save(target / "openpyxl.xlsx")
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("表")
    dressed = xlwt.easyxf(num_format_str='"+86 "0')
    struck = xlwt.easyxf("font: struck_out on")
    for number, row in enumerate([head, *rows]):
        for column, value in enumerate(row):
            if value is not None and (number, column) != (1, 0):
                style = struck if (number, column) == (4, 1) else xlwt.Style.default_style
                sheet.write(number, column, value, dressed if number and column == 3 else style)
    sheet.write_merge(1, 2, 0, 0, "软件学院")
    sheet.col(2).hidden = True
    sheet.row(3).hidden = True
    book.save(str(target / "xlwt.xls"))


def with_soffice(folder):
    """Every workbook once more, as LibreOffice saves it."""
    if not shutil.which("soffice"):
        return
    with tempfile.TemporaryDirectory() as profile:
        for source, kind in [("openpyxl.xlsx", "xls"), ("xlwt.xls", "xlsx"), ("openpyxl.xlsx", "xlsx")]:
            target = folder / f"soffice-{source.split('.')[0]}"
            target.mkdir(exist_ok=True)
            command = ["soffice", f"-env:UserInstallation=file://{profile}", "--headless"]
            command += ["--convert-to", kind, "--outdir", str(target), str(folder / source)]
            subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with_openpyxl(folder)
    with_xlwt(folder)
    looks(folder)
    with_soffice(folder)


main()
